"""What every controller that owns pods needs to know about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.status import PodStatus

if TYPE_CHECKING:
    from stratus_sim.world import World


def active(pod: Resource) -> bool:
    """Whether a pod counts towards its owner's replicas."""
    return not pod.deleting and pod.status.phase != "Failed"


def standing(pod: Resource | None) -> tuple[int, int]:
    """What a pod adds to its owner's counts: active pods, and ready ones among them."""
    if pod is None or not active(pod):
        return 0, 0
    return 1, int(pod.status.ready)


def stands_alike(old: Resource | None, new: Resource | None) -> bool:
    """Whether a change of a pod leaves what its owner looks at: is it there, does it count, does it serve."""
    if old is None or new is None:
        return False
    return bool(old.status.ready == new.status.ready) and active(old) == active(new)


def usefulness(pod: Resource) -> tuple[bool, bool, int]:
    """Sort key, least useful first: unbound before bound, not ready before ready, younger before older."""
    return bool(pod.status.node), pod.status.ready, -pod.uid


def create(world: World, name: str, owner: Resource) -> None:
    """Create a pod from the template of the object that owns it."""
    template, raw = owner.spec.template, owner.manifest["spec"]["template"]
    metadata = {"name": name, "namespace": owner.key.namespace, **marks(raw)}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": raw["spec"]}
    world.store.create(manifest, owner=owner.key, status=PodStatus(since_us=world.now_us), spec=template.spec)


def marks(template: Manifest) -> dict[str, Mapping[str, str]]:
    """The labels a template puts on its pods, and the annotations where it has any."""
    metadata = template.get("metadata") or {}
    annotations = metadata.get("annotations")
    return {"labels": metadata.get("labels") or {}, **({"annotations": annotations} if annotations else {})}


def update(world: World, pod: Resource, **changes: Any) -> None:
    """Report a changed status; `since_us` follows a change of readiness."""
    if changes.get("ready", pod.status.ready) != pod.status.ready:
        changes["since_us"] = world.now_us
    world.store.report(pod.key, msgspec.structs.replace(pod.status, **changes))


def terminate(world: World, key: ObjectKey) -> None:
    """Begin graceful termination: the pod leaves its endpoints at once and is gone a moment later."""
    pod = world.store.get(key)
    if pod is None or pod.deleting:
        return
    world.store.mark_deleting(key)
    if pod.status.node:
        world.schedule(world.draw(str(key), "terminate", 200_000, 2_000_000), "kubelet.terminated", key, pod.uid)
    else:
        world.store.remove(key)


def root_owner(world: World, pod: Resource) -> ObjectKey | None:
    """The workload a pod belongs to: the Deployment behind its ReplicaSet, or its direct owner."""
    owner = pod.owner
    if owner is not None and owner.kind == "ReplicaSet":
        replica_set = world.store.get(owner)
        return replica_set.owner if replica_set is not None and replica_set.owner else owner
    return owner
