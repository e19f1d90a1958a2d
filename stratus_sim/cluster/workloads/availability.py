"""When a ready pod counts as available: after `minReadySeconds` without a break.

Follows kubernetes.io/docs/concepts/workloads/controllers/deployment ("Min Ready Seconds"), the same for ReplicaSets,
StatefulSets and DaemonSets. One timer a pod that has just become ready, and none where the field is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World


def available(world: World, pod: Resource, owner: Resource) -> bool:
    """Whether a pod has been ready for as long as its owner asks."""
    ready: bool = pod.status.ready and pods.active(pod)
    return ready and world.now_us - pod.status.since_us >= _wait_us(owner)


def count(world: World, owner: Resource, ready: int) -> int:
    """How many of an owner's ready pods are available."""
    if not ready or not owner.spec.min_ready_seconds:
        return ready
    owned = world.store.owned(owner.key)
    return sum(available(world, pod, owner) for pod in owned if pod.key.kind == "Pod")


def await_pod(world: World, old: Resource | None, new: Resource | None, queue: str, item: Any) -> None:
    """Put `item` on the owner's work queue once a pod that has become ready with this change is available."""
    if new is None or new.owner is None or not new.status.ready or (old is not None and old.status.ready):
        return
    owner = world.store.get(new.owner)
    if owner is not None and _wait_us(owner):
        world.schedule(_wait_us(owner), "workload.available", queue, item)


@handler("workload.available")
def look_again(world: World, queue: str, item: Any) -> None:
    world.enqueue(queue, item)


def _wait_us(owner: Resource) -> int:
    return (owner.spec.min_ready_seconds or 0) * SECOND_US


def pod_owner(old: Resource | None, new: Resource | None, kind: str) -> ObjectKey | None:
    """The owner of a pod that changed, if it is of this kind."""
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    return owner if owner is not None and owner.kind == kind else None
