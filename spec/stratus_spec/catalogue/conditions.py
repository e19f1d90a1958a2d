"""Side conditions of compensable actions, in words; `stratus_sim.cluster.conditions` evaluates them."""

CONDITIONS = {
    "replaceable": "A controller replaces the pod, its image and configuration are there, a node has room, it serves "
    "nobody or a twin serves meanwhile, and the disruption budget allows it.",
    "rollable": "Every replica that serves now and that the change would replace could be started again: images and "
    "mounted configuration exist, and nodes have room that nobody else waits for. While a roll-out is under way the "
    "size stays, and pods of an earlier template all serve; a roll-out that is paused stays so.",
    "quorum": "All replicas are ready, could be started again, and enough of them stay ready to keep the quorum; what "
    "runs in them is not changed, or the first that does not get ready would hold up all others.",
    "evictable": "Every pod that must leave the node can run on another, all of them together, within their "
    "disruption budgets; one of a DaemonSet could start again where it is.",
    "only_raises": "The autoscaler cannot go below the present number of replicas, all that it may add would come up, "
    "and no other autoscaler is there. One that sets the number already only has to be able to keep it.",
    "unmounted": "No pod runs under the account.",
    "unused": "Nobody else has put anything into the created object: deleting it destroys only our own.",
    "no_finalizers": "No finalizer runs on deletion: no controller destroys data the object stands for.",
}
