"""ReplicaSet controller: as many pods as asked for, losing the least useful first.

Follows kubernetes.io/docs/concepts/workloads/controllers/replicaset, "Scaling a ReplicaSet" (order of deletion, and the
annotation `controller.kubernetes.io/pod-deletion-cost`). Whose a pod is, `adoption` says.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import ReplicaStatus
from stratus_sim.cluster.watching import STANDING, WRITTEN, watches
from stratus_sim.cluster.workloads import availability
from stratus_sim.cluster.workloads.naming import free_pod_name
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


@watches("ReplicaSet", of=WRITTEN)
def on_replica_set(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.spec is not new.spec):
        world.enqueue("replicaset", new.key)


@watches("Pod", of=STANDING, owner="ReplicaSet")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    world.enqueue("replicaset", owner)
    availability.await_pod(world, old, new, "replicaset", owner)


@handler("replicaset")
def reconcile(world: World, key: ObjectKey) -> None:
    """Create or delete pods until the active ones are as many as `spec.replicas`, then report the counts."""
    replica_set = world.store.get(key)
    if replica_set is None or replica_set.deleting:
        return
    wanted = 1 if replica_set.spec.replicas is None else replica_set.spec.replicas
    active, ready = world.store.standing(key)
    surplus = active - wanted
    for _ in range(-surplus):
        if not _create_pod(world, replica_set):
            break
    if surplus > 0:
        _delete_pods(world, replica_set, surplus)
    if surplus:
        active, ready = world.store.standing(key)
    available = availability.count(world, replica_set, ready)
    world.store.report(key, ReplicaStatus(active, ready, replica_set.status.revision, available))


def _create_pod(world: World, replica_set: Resource) -> bool:
    name = free_pod_name(world, replica_set.key)
    created = pods.create(world, name, replica_set, ("replicaset", replica_set.key))
    if created:
        emit(world, replica_set.key, "SuccessfulCreate", f"Created pod: {name}")
    return created


def _delete_pods(world: World, replica_set: Resource, count: int) -> None:
    for pod in ranked(world, replica_set)[:count]:
        emit(world, replica_set.key, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
        pods.terminate(world, pod.key)


def ranked(world: World, replica_set: Resource) -> list[Resource]:
    """The active pods of a set, the least useful first."""
    active = [pod for pod in world.store.owned(replica_set.key) if pods.active(pod)]
    related = [pod for sibling in _siblings(world, replica_set) for pod in world.store.owned(sibling)]
    crowd = Counter(pod.status.node for pod in related if pods.active(pod))
    return sorted(active, key=lambda pod: usefulness(pod, crowd[pod.status.node], world.now_us))


def _siblings(world: World, replica_set: Resource) -> list[ObjectKey]:
    """The sets of the same Deployment: their pods on a node count as company."""
    if replica_set.owner is None:
        return [replica_set.key]
    return [found.key for found in world.store.owned(replica_set.owner)]


def usefulness(pod: Resource, company: int, now_us: int) -> tuple[Any, ...]:
    """Sort key: without a node, pending, not ready, cheap, in company, young and restarted pods go first.

    Ages count by powers of two (`LogarithmicScaleDown`), so that pods about as old go in no order of age: here the
    younger first.
    """
    status = pod.status
    age = (now_us - status.since_us).bit_length() if status.ready else 0
    return (
        bool(status.node), status.phase == "Running", status.ready, _deletion_cost(pod), -company, age,
        -status.restarts, -pod.uid,
    )  # fmt: skip


def _deletion_cost(pod: Resource) -> int:
    text = ((pod.manifest.get("metadata") or {}).get("annotations") or {}).get(DELETION_COST, "0")
    return int(text) if text.removeprefix("-").isdecimal() else 0
