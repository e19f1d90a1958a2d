"""Volumes that must be attached to the node before a pod can mount them.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Access Modes") and the attach-detach controller's
texts: a claim that may be mounted by one node only waits until the pods of other nodes that use it are gone. Nothing
tells when that is; the controller tries again, each time twice as long after.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet.back_off import back_off_us
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

_ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
_UNATTACHED = frozenset({"hostPath", "local", "nfs"})


def begin(world: World, pod: Resource) -> bool:
    """Attach the volumes of a pod that only one node may have at a time; whether there are any."""
    claims = [*_exclusive(world, pod)]
    if not claims:
        return False
    for claim in claims:
        users = _users_elsewhere(world, pod, claim)
        if users:
            _refuse(world, pod, volume_name(claim), users)
            return True
    delay_us = world.draw(str(pod.key), "attach", SECOND_US, 5 * SECOND_US)
    world.schedule(delay_us, "kubelet.attached", pod.key, pod.uid, tuple(volume_name(claim) for claim in claims))
    return True


def volume_name(claim: Resource) -> str:
    """The volume behind a claim: the one it is bound to, else named after the claim as provisioners do."""
    bound = claim.status.volume if claim.status is not None else ""
    return bound or str((claim.manifest.get("spec") or {}).get("volumeName") or f"pvc-{uuid_of(claim.uid)}")


def _exclusive(world: World, pod: Resource) -> Iterator[Resource]:
    for name in _claim_names(pod):
        claim = world.store.get(ObjectKey("PersistentVolumeClaim", pod.key.namespace, name))
        modes = (claim.manifest.get("spec") or {}).get("accessModes") or () if claim is not None else ()
        if claim is not None and modes and _ONE_NODE.issuperset(modes) and _attachable(world, claim):
            yield claim


def _attachable(world: World, claim: Resource) -> bool:
    """Whether the volume is a disk that goes from node to node; a directory of a node or a server is not."""
    volume = world.store.get(ObjectKey("PersistentVolume", "", volume_name(claim)))
    return volume is None or not _UNATTACHED.intersection(volume.manifest.get("spec") or {})


def _claim_names(pod: Resource) -> Iterator[str]:
    for volume in pod.manifest["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            yield str(volume["persistentVolumeClaim"].get("claimName"))


def _users_elsewhere(world: World, pod: Resource, claim: Resource) -> list[str]:
    """The pods on other nodes that have the volume of a claim: those that came to theirs first."""
    if claim.key.name.endswith(f"-{pod.key.name}"):
        return []  # made from a template for this pod alone
    found = []
    for other in world.store.list("Pod", pod.key.namespace):
        elsewhere = other.status.node not in ("", pod.status.node) and not pods.ended(other)
        if elsewhere and _came(other) < _came(pod) and claim.key.name in _claim_names(other):
            found.append(other.key.name)
    return sorted(found)


def _came(pod: Resource) -> tuple[int, int]:
    return pod.status.bound_us, pod.uid


def _refuse(world: World, pod: Resource, volume: str, users: list[str]) -> None:
    used = f"Volume is already used by pod(s) {', '.join(users)}"
    message = f'Multi-Attach error for volume "{volume}" {used}'
    emit(world, pod.key, "FailedAttachVolume", message, warning=True)
    attempts = pod.status.attempts + 1
    pods.update(world, pod, reason="ContainerCreating", message="", attempts=attempts)
    world.schedule(back_off_us(attempts), "kubelet.sync", pod.key, pod.uid)
