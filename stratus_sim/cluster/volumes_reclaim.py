"""What becomes of a volume whose claim has gone.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Reclaiming") and the messages of the PersistentVolume
controller: a volume is kept for somebody to look after it, deleted, or (deprecated) wiped and offered again. What no
plug-in can delete or wipe has failed. The only thing written into a manifest is whose a volume was that is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stratus_sim.cluster import garbage
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource, finalizers_of, uuid_of
from stratus_sim.cluster.volumes_matching import CLAIM
from stratus_sim.cluster.volumes_status import VolumeStatus
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_SOURCES = ("csi", "hostPath", "local", "nfs")
_WIPED = (None, "hostPath", "nfs")
_SCRATCH = re.compile("/tmp/.+")  # the only paths the plug-in for directories of a node deletes


@handler("volumes.reclaim")
def reclaim(world: World, left: tuple[ObjectKey, tuple[str, str], int]) -> None:
    """The claim has gone: its volume goes too, serves again, or waits as it is for somebody to look after it."""
    key, holder, uid = left
    volume = world.store.get(key)
    if volume is None or volume.status is None or volume.status.claim != holder:
        return
    policy = volume.spec.persistent_volume_reclaim_policy or "Retain"
    problem = _problem(volume, policy)
    if policy == "Retain" or problem or (policy == "Delete" and finalizers_of(volume.manifest)):
        _keep(world, volume, holder, uid)
    if problem:
        emit(world, key, f"VolumeFailed{policy}", problem, warning=True)
        world.store.report(key, VolumeStatus("Failed", holder, problem))
    elif policy == "Delete":
        world.store.remove(key)
    elif policy == "Recycle":
        emit(world, key, "VolumeRecycled", "Volume recycled")
        world.store.report(key, VolumeStatus())
    garbage.unused(world, world.store.get(key) or volume)


def _problem(volume: Resource, policy: str) -> str:
    """Why a volume cannot be reclaimed as it should; "" where it can, or nobody knows what it is."""
    spec = volume.manifest.get("spec") or {}
    source = next((name for name in _SOURCES if spec.get(name)), None)
    if policy == "Recycle":
        return "" if source in _WIPED else "No recycler plugin found for the volume!"
    if policy == "Delete" and source in ("local", "nfs"):
        plugin = f'error getting deleter volume plugin for volume "{volume.key.name}"'
        return f"{plugin}: no deletable volume plugin matched"
    if policy == "Delete" and source == "hostPath" and not _SCRATCH.search(path := str(spec["hostPath"].get("path"))):
        return f"host_path deleter only supports {_SCRATCH.pattern} but received provided {path}"
    return ""


def _keep(world: World, volume: Resource, holder: tuple[str, str], uid: int) -> None:
    """Release a volume, which says whose it was until somebody takes that off."""
    reference = {"kind": CLAIM, "namespace": holder[0], "name": holder[1], "uid": uuid_of(uid)}
    spec = {**(volume.manifest.get("spec") or {}), "claimRef": reference}
    world.store.configure(volume.key, {**volume.manifest, "spec": spec})
    world.store.report(volume.key, VolumeStatus("Released", holder))
