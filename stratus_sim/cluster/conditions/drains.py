"""Changes of nodes: whom they send away, and whether those find room elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import eviction, pods, taint_eviction
from stratus_sim.cluster.conditions.change import Change
from stratus_sim.cluster.conditions.restarts import configured, fits
from stratus_sim.cluster.objects import Manifest, Resource, labels_of
from stratus_sim.cluster.workloads import daemonset

if TYPE_CHECKING:
    from stratus_sim.world import World


def evictable(world: World, change: Change) -> bool:
    """Those who must leave find room elsewhere one after the other, and their budgets allow all of them to go.

    A DaemonSet's pod has no place elsewhere: it has to start again where it was.
    """
    node = change.found
    if node is None:
        return False
    leaving = _leaving(world, node, change.after)
    if any(pod.owner is None for pod in leaving) or eviction.refusal(world, leaving):
        return False
    if not all(configured(world, pod) for pod in leaving if pod.status.ready):
        return False
    others = [other for other in world.store.list("Node") if other.key != node.key]
    return fits(world, others, [pod for pod in leaving if _daemon(world, pod) is None])


def _leaving(world: World, node: Resource, after: Manifest | None) -> list[Resource]:
    """Whom a change of the node sends away; for None, a drain, everybody who can be moved."""
    if after is None:
        return eviction.movable(world, node.key)
    changed = msgspec.structs.replace(node, manifest=after, labels=labels_of(after))
    return [pod for pod in world.store.on_node(node.key.name) if pods.active(pod) and _goes(world, pod, changed)]


def _goes(world: World, pod: Resource, node: Resource) -> bool:
    """Node selectors of running pods count for DaemonSets alone (assign-pod-node: "IgnoredDuringExecution")."""
    daemon = _daemon(world, pod)
    if daemon is not None and not daemonset.eligible(daemon, node)[1]:
        return True
    return any(taint_eviction.endures_us(pod, taint) is not None for taint in taint_eviction.evicting(node))


def _daemon(world: World, pod: Resource) -> Resource | None:
    return world.store.get(pod.owner) if pod.owner is not None and pod.owner.kind == "DaemonSet" else None
