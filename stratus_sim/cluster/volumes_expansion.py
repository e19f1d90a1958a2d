"""Expanding claims: who asks a bound claim for more gets a larger volume, and then a larger file system.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Expanding Persistent Volumes Claims") and the events of
the expand controller, the external resizer and the kubelet: the volume grows whether it is mounted or not, the file
system where a pod has it mounted or as soon as one does. No claim shrinks. Drivers are taken to expand what is in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stratus_sim.cluster import pods
from stratus_sim.cluster import volumes_matching as matching
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.volumes_matching import CLAIM
from stratus_sim.cluster.volumes_protection import mounted
from stratus_sim.cluster.watching import NODE, WRITTEN, watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_MOUNTED_US, _RESYNC_US = 5 * SECOND_US, 90 * SECOND_US
"""Within what time a kubelet mounts the volumes of a new pod, and looks again at those it has."""
WAITING = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
"""What the condition FileSystemResizePending says."""


@watches(CLAIM, of=WRITTEN)
def on_claim(world: World, _old: Resource | None, new: Resource | None) -> None:
    if new is not None and new.status is not None and not new.status.growing:
        _begin(world, new)


def _begin(world: World, claim: Resource) -> None:
    """Have the volume of a claim expanded, if it is smaller than what is asked for."""
    volume = matching.volume_of(world, claim)
    if volume is None or claim.status.phase != "Bound" or matching.requested(claim) <= matching.capacity(volume):
        return
    emit(world, claim.key, "ExternalExpanding", "waiting for an external controller to expand this PVC")
    emit(world, claim.key, "Resizing", f"External resizer is resizing volume {volume.key.name}")
    had = (volume.spec.capacity or {}).get("storage", 0)
    status = replace(claim.status, growing="Resizing", growing_us=world.now_us, capacity=had)
    world.store.report(claim.key, status)
    delay_us = world.draw(str(claim.key), "expand", 2 * SECOND_US, 10 * SECOND_US)
    world.schedule(delay_us, "volumes.expanded", claim.key, claim.uid)


@handler("volumes.expanded")
def expanded(world: World, key: ObjectKey, uid: int) -> None:
    """The volume is as large as the claim asks for by now; its file system is not yet."""
    claim = _growing(world, key, uid)
    volume = matching.volume_of(world, claim) if claim is not None else None
    if claim is None or volume is None:
        return
    spec = volume.manifest["spec"]
    world.store.configure(volume.key, {**volume.manifest, "spec": {**spec, "capacity": _asked(claim)}})
    if (volume.spec.volume_mode or "Filesystem") == "Block":
        emit(world, key, "VolumeResizeSuccessful", "Resize volume succeeded")
        _end(world, claim)
        return
    emit(world, key, "FileSystemResizeRequired", "Require file system resize of volume on node")
    world.store.report(key, replace(claim.status, growing="FileSystemResizePending", pending_us=world.now_us))
    for pod in world.store.list("Pod", key.namespace):
        if pod.status.node and key.name in mounted(pod.spec):
            _grow_later(world, pod, _RESYNC_US)


@watches("Pod", of=NODE)
def on_pod(world: World, _old: Resource | None, new: Resource | None) -> None:
    """A pod that comes to a node has what it mounts made as large as it is."""
    if new is not None and new.spec.volumes and new.status.node:
        _grow_later(world, new, _MOUNTED_US)


def _grow_later(world: World, pod: Resource, within_us: int) -> None:
    claims = [world.store.get(ObjectKey(CLAIM, pod.key.namespace, name)) for name in mounted(pod.spec)]
    if any(claim is not None and claim.status is not None and claim.status.growing for claim in claims):
        delay_us = world.draw(str(pod.key), "grow", SECOND_US, within_us)
        world.schedule(delay_us, "volumes.grow", pod.key, pod.uid)


@handler("volumes.grow")
def grow(world: World, pod_key: ObjectKey, uid: int) -> None:
    """A kubelet that has the volumes of a pod mounted makes the file systems as large as they are."""
    pod = world.store.get(pod_key)
    if pod is None or pod.uid != uid or pods.ended(pod) or not world.node_alive(pod.status.node):
        return
    for name in mounted(pod.spec):
        claim = world.store.get(ObjectKey(CLAIM, pod_key.namespace, name))
        if claim is not None and claim.status is not None and claim.status.growing == "FileSystemResizePending":
            volume = claim.status.volume
            said = f'MountVolume.NodeExpandVolume succeeded for volume "{volume}" {pod.status.node}'
            for about in (pod_key, claim.key):
                emit(world, about, "FileSystemResizeSuccessful", said)
            _end(world, claim)


def _end(world: World, claim: Resource) -> None:
    """The claim has what it asked for; it may have asked for more meanwhile."""
    done = replace(claim.status, growing="", growing_us=0, pending_us=0, capacity="")
    world.store.report(claim.key, done)
    found = world.store.get(claim.key)
    if found is not None:
        _begin(world, found)


def _growing(world: World, key: ObjectKey, uid: int) -> Resource | None:
    claim = world.store.get(key)
    return claim if claim is not None and claim.uid == uid and claim.status.growing == "Resizing" else None


def _asked(claim: Resource) -> Mapping[str, Any]:
    return {"storage": claim.spec.resources.requests["storage"]}
