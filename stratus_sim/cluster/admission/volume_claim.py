"""Changes of claims: more storage is all that can be asked for, and only where the storage class lets it grow.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Expanding Persistent Volumes Claims"), the plug-in
PersistentVolumeClaimResize and the API server's validation of claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import volumes_matching as matching
from stratus_sim.cluster.admission.amounts import milli
from stratus_sim.cluster.admission.registry import Denied, Write, forbidden, validates
from stratus_sim.cluster.objects import Manifest, Resource
from stratus_sim.cluster.volumes_matching import CLAIM

if TYPE_CHECKING:
    from stratus_sim.world import World

_RIGID = (
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)
_SMALLER = "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
_UNFIT = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


@validates("PersistentVolumeClaimResize", reads=CLAIM)
def check(world: World, write: Write) -> None:
    """Refuse what a claim that is there cannot become. Raises Denied."""
    if write.key.kind != CLAIM or write.old is None or write.manifest is None:
        return
    claim = world.store.get(write.key)
    bound = claim is not None and claim.status is not None and claim.status.phase == "Bound"
    volume = matching.volume_of(world, claim) if claim is not None and bound else None
    before, after = (_stated(manifest, volume) for manifest in (write.old, write.manifest))
    if _fixed(before, before, bound) != _fixed(after, before, bound):
        raise _invalid(write, _RIGID)
    had, asked = _storage(before), _storage(after)
    if claim is None or volume is None or had == asked:
        return
    if asked < had and asked <= _has(claim, volume):
        raise _invalid(write, _SMALLER)
    found = matching.storage_class(world, claim)
    if asked > had and not (found is not None and found.allow_volume_expansion):
        raise forbidden(write.key, _UNFIT)


def _stated(manifest: Manifest, volume: Resource | None) -> dict[str, Any]:
    """What a manifest asks for, with what the API server has put in: the volume, once there is one, and the mode."""
    own = {name: value for name, value in (manifest.get("spec") or {}).items() if value is not None}
    return {"volumeMode": "Filesystem", **({} if volume is None else {"volumeName": volume.key.name}), **own}


def _fixed(spec: Manifest, before: Manifest, bound: bool) -> dict[str, Any]:
    """What of a spec must stay: a volume and a class may be named once, and only a bound claim may ask for more."""
    free = {name for name in ("volumeName", "storageClassName") if not before.get(name)}
    free |= {"volumeAttributesClassName"} if bound else set()
    resources = {**(spec.get("resources") or {})}
    requests = {name: amount for name, amount in (resources.get("requests") or {}).items() if not bound}
    kept = {name: value for name, value in spec.items() if name not in free}
    return {**kept, "resources": {**resources, "requests": requests}}


def _storage(spec: Mapping[str, Any]) -> int:
    return milli(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))


def _has(claim: Resource, volume: Resource) -> int:
    """What the file system of a bound claim has, in thousandths of a byte."""
    return milli(claim.status.capacity or (volume.spec.capacity or {}).get("storage", 0))


def _invalid(write: Write, problem: str) -> Denied:
    return Denied(f'{CLAIM} "{write.key.name}" is invalid: {problem}', 422)
