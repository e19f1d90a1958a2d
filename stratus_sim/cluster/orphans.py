"""Pod garbage collector: pods whose node is gone for good are removed without anybody saying that they have ended.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Garbage collection of Pods") and
kubernetes.io/docs/concepts/cluster-administration/node-shutdown ("Non-graceful node shutdown"): a node is gone when its
object is deleted, or when it is silent and somebody marked it as out of service. Only what is gone is looked at. One
that joins in time under its old name is another machine (kubernetes.io/docs/concepts/architecture/nodes, "Node name
uniqueness"): nothing runs on it yet of the pods it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import nodes, pods, taints
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

QUARANTINE_US = 40 * SECOND_US
"""How long a node has to be unknown before its pods are orphans."""
PERIOD_US = 20 * SECOND_US
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is None and old is not None:
        look_later(world, old.key.name)
    elif old is None and new is not None:
        nodes.begin_anew(world, new.key.name)  # a machine of its name, on which nothing of them runs
    elif new is not None and _given_up(new) and not _given_up(old):
        look_later(world, new.key.name, 0)


def look_later(world: World, node: str, delay_us: int = QUARANTINE_US) -> None:
    """See to the pods of a node some time after so many microseconds."""
    world.schedule(delay_us + world.draw(node, "pod garbage", 0, PERIOD_US), "orphans.collect", node)


def _given_up(node: Resource | None) -> bool:
    """Whether somebody vouches that nothing runs on a silent node any more."""
    if node is None or node.status.ready:
        return False
    return any(taint.get("key") == OUT_OF_SERVICE for taint in taints.of(node.manifest))


@handler("orphans.collect")
def collect(world: World, name: str) -> None:
    """Remove the pods of a node that is gone; of one that is out of service, those on their way out."""
    node = world.store.get(ObjectKey("Node", "", name))
    if node is not None and not _given_up(node):
        return
    for pod in world.store.on_node(name):
        if node is None or pod.deleting:
            _remove(world, pod)


def _remove(world: World, pod: Resource) -> None:
    """Owners are told that it has failed before it is gone."""
    if not pods.ended(pod):
        pods.update(world, pod, phase="Failed", ready=False, reason="", disruption="DeletionByPodGC")
    world.store.remove(pod.key)
