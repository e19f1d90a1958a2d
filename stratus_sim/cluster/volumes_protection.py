"""Storage objects in use: a claim stays while a pod has it, a volume while a claim has it, whoever deletes them.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Storage Object in Use Protection"). The API server
shows the finalizer on each of them; here it is written into a manifest only when it holds one up, so that it can be
taken off by force, as people do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.manifests.pod_shapes import PodSpec

if TYPE_CHECKING:
    from stratus_sim.world import World

_CLAIM, _VOLUME = "PersistentVolumeClaim", "PersistentVolume"
FINALIZERS: Mapping[str, str] = {_CLAIM: "kubernetes.io/pvc-protection", _VOLUME: "kubernetes.io/pv-protection"}
"""The finalizer of each protected kind."""


def used(world: World, found: Resource) -> bool:
    """Whether a claim is mounted by a pod that has a node, or a volume bound; False for any other kind."""
    if found.key.kind == _VOLUME:
        return found.status is not None and found.status.phase == "Bound"
    return found.key.kind == _CLAIM and any(_has(pod, found) for pod in world.store.list("Pod", found.key.namespace))


def _has(pod: Resource, claim: Resource) -> bool:
    return bool(pod.status.node) and claim.key.name in mounted(pod.spec)


def mounted(pod: PodSpec) -> list[str]:
    """The names of the claims a pod mounts."""
    found = (volume.persistent_volume_claim for volume in pod.volumes or ())
    return [claim.claim_name for claim in found if claim is not None]


def leaving(world: World, pod: Resource) -> list[Resource]:
    """The claims a pod that is gone has mounted that somebody has deleted meanwhile."""
    if not pod.spec.volumes:
        return []
    keys = [ObjectKey(_CLAIM, pod.key.namespace, name) for name in mounted(pod.spec)]
    return [claim for key in keys if (claim := world.store.get(key)) is not None and claim.deleting]
