"""ReplicaSet controller: as many pods as asked for, losing the least useful first.

Follows kubernetes.io/docs/concepts/workloads/controllers/replicaset, "Scaling a ReplicaSet" (order of deletion).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import ReplicaStatus
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


@watches("ReplicaSet")
def on_replica_set(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.spec is not new.spec):
        world.enqueue("replicaset", new.key)


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    pod = new or old
    assert pod is not None  # noqa: S101  # a change has at least one side
    if pod.owner is None or pod.owner.kind != "ReplicaSet":
        return
    if not pods.stands_alike(old, new):
        world.enqueue("replicaset", pod.owner)


@handler("replicaset")
def reconcile(world: World, key: ObjectKey) -> None:
    """Create or delete pods until the active ones are as many as `spec.replicas`, then report the counts."""
    replica_set = world.store.get(key)
    if replica_set is None:
        return
    surplus = world.store.standing(key)[0] - replica_set.spec.replicas
    for _ in range(-surplus):
        _create_pod(world, replica_set)
    if surplus > 0:
        _delete_pods(world, key, surplus)
    active, ready = world.store.standing(key)
    world.store.report(key, ReplicaStatus(active, ready, replica_set.status.revision))


def _delete_pods(world: World, key: ObjectKey, count: int) -> None:
    active = [pod for pod in world.store.owned(key) if pods.active(pod)]
    for pod in sorted(active, key=pods.usefulness)[:count]:
        emit(world, key, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
        pods.terminate(world, pod.key)


def _create_pod(world: World, replica_set: Resource) -> None:
    name = _free_name(world, replica_set.key)
    pods.create(world, name, replica_set)
    emit(world, replica_set.key, "SuccessfulCreate", f"Created pod: {name}")


def _free_name(world: World, owner: ObjectKey) -> str:
    while True:
        number = world.draw(str(owner), "pod-name", 0, len(_SUFFIX) ** 5 - 1)
        suffix = "".join(_SUFFIX[number // len(_SUFFIX) ** place % len(_SUFFIX)] for place in range(5))
        name = f"{owner.name}-{suffix}"
        if world.store.get(ObjectKey("Pod", owner.namespace, name)) is None:
            return name
