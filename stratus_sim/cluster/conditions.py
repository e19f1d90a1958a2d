"""Side conditions of compensable actions, evaluated on the cluster as it is (`stratus_spec.CONDITIONS`).

Outside its condition a compensable action counts as irreversible and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stratus_sim.cluster import pods, scheduler, volumes
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.kinds import SERVED
from stratus_spec.actions import CUSTOM, Classification, classify

if TYPE_CHECKING:
    from stratus_sim.world import World


def classification(verb: str, kind: str) -> Classification:
    """The catalogue's row for an action; a kind no built-in API group serves is a custom object."""
    return classify(verb, kind if kind in SERVED else CUSTOM)


def holds(world: World, condition: str, key: ObjectKey) -> bool:
    """Whether a named side condition holds for an action on `key`; False for a name nobody evaluates."""
    check = _CHECKS.get(condition)
    return check is not None and check(world, key, world.store.get(key))


def _replaceable(world: World, key: ObjectKey, pod: Resource | None) -> bool:
    """A twin serves meanwhile or this one does not serve, and a new one could start."""
    if pod is None or pod.owner is None or world.store.get(pod.owner) is None:
        return False
    twins = [p for p in world.store.owned(pod.owner) if p.key != key and p.status.ready and pods.active(p)]
    return (not pod.status.ready or bool(twins)) and _could_start(world, pod)


def _rollable(world: World, _key: ObjectKey, workload: Resource | None) -> bool:
    """Pods like the present ones could start again, each of them."""
    if workload is None:
        return False
    owners = [workload.key, *(r.key for r in world.store.owned(workload.key) if r.key.kind == "ReplicaSet")]
    present = [pod for owner in owners for pod in world.store.owned(owner) if pod.key.kind == "Pod"]
    return all(_could_start(world, pod) for pod in present)


def _quorum(_world: World, _key: ObjectKey, workload: Resource | None) -> bool:
    """More than half of the replicas stay ready when one restarts."""
    if workload is None:
        return False
    replicas = workload.spec.replicas or 1
    return bool(workload.status.ready == replicas and replicas - 1 > replicas // 2)


def _evictable(world: World, key: ObjectKey, _node: Resource | None) -> bool:
    return not world.store.on_node(key.name)


def _unused(_world: World, _key: ObjectKey, found: Resource | None) -> bool:
    return found is None


def _no_finalizers(_world: World, _key: ObjectKey, found: Resource | None) -> bool:
    return found is not None and not (found.manifest.get("metadata") or {}).get("finalizers")


def _could_start(world: World, pod: Resource) -> bool:
    """Whether a copy of this pod, made now, would find its images, its configuration and a node."""
    images = all(world.processes.image_exists(c.image) for c in pod.spec.containers)
    configured = not volumes.missing_mounts(world, pod) and not volumes.environments(world, pod)[1]
    return images and configured and any(not scheduler.refusal(n, pod) for n in world.store.list("Node"))


_CHECKS: dict[str, Callable[[World, ObjectKey, Resource | None], bool]] = {
    "replaceable": _replaceable,
    "rollable": _rollable,
    "quorum": _quorum,
    "evictable": _evictable,
    "unused": _unused,
    "no_finalizers": _no_finalizers,
}
