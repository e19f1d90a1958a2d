"""What claims and volumes promise.

From kubernetes.io/docs/concepts/storage/persistent-volumes ("Binding", "Reclaiming", "Storage Object in Use
Protection", "Access Modes", "Node Affinity").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.scheduling import node_affinity
from stratus_sim.cluster.volumes_status import VolumeStatus
from stratus_sim.manifests import quantity
from stratus_sim.world import World
from tests.invariants.promises.look import Look

CLAIM, VOLUME = "PersistentVolumeClaim", "PersistentVolume"


def unrequited(look: Look) -> Iterator[str]:
    """A volume is bound to one claim, and claim and volume name each other."""
    if not look.settled:
        return
    for claim in look.world.store.list(CLAIM):
        if claim.status is not None and claim.status.phase == "Bound":
            volume = look.world.store.get(ObjectKey(VOLUME, "", claim.status.volume))
            if (
                volume is None
                or volume.status is None
                or volume.status.phase != "Bound"
                or volume.status.claim != _holder(claim)
            ):
                yield f"{claim.key} has {claim.status.volume}, which is {volume and volume.status}"
    for volume in look.world.store.list(VOLUME):
        if volume.status is not None and volume.status.phase == "Bound":
            claim_of = look.world.store.get(ObjectKey(CLAIM, *volume.status.claim))
            if claim_of is None or claim_of.status is None or claim_of.status.volume != volume.key.name:
                yield f"{volume.key} is held by {volume.status.claim}, which is {claim_of and claim_of.status}"


def _holder(claim: Resource) -> tuple[str, str]:
    return claim.key.namespace, claim.key.name


def ill_matched(look: Look) -> Iterator[str]:
    """A claim gets a volume that was free, or kept for it, of its class and mode, as large and with all it asks for."""
    for old, claim in look.of(CLAIM):
        if claim is None or not _binds(old, claim):
            continue
        volume = look.world.store.get(ObjectKey(VOLUME, "", claim.status.volume))
        before = look.before.get(ObjectKey(VOLUME, "", claim.status.volume))
        if volume is None:
            yield f"{claim.key} is bound to {claim.status.volume}, which is not there"
        elif wrong := [*_mismatches(claim, volume)]:
            yield f"{claim.key} is bound to {volume.key} in spite of {wrong}"
        elif before is not None and (before.deleting or (before.status or VolumeStatus()).phase != "Available"):
            yield f"{claim.key} is bound to {volume.key}, which was going or not free: {before.status}"


def _binds(old: Resource | None, claim: Resource) -> bool:
    def bound(one: Resource | None) -> bool:
        return one is not None and one.status is not None and one.status.phase == "Bound"

    return bound(claim) and not (bound(old) and old is not None and old.uid == claim.uid)


def _mismatches(claim: Resource, volume: Resource) -> Iterator[str]:
    mine, its = claim.manifest["spec"], volume.manifest["spec"]
    if not {*mine.get("accessModes", ())} <= {*its.get("accessModes", ())}:
        yield "access modes"
    if _size((mine.get("resources") or {}).get("requests")) > _size(its.get("capacity")):
        yield "size"
    named = mine.get("storageClassName")  # who names none gets the default one, if there is any
    if named is not None and named != its.get("storageClassName", "") and "volumeName" not in mine:
        yield "class"
    if mine.get("volumeMode", "Filesystem") != its.get("volumeMode", "Filesystem"):
        yield "volume mode"
    held = its.get("claimRef") or {}
    if held and (held.get("namespace"), held.get("name")) != _holder(claim):
        yield "claimRef"
    if mine.get("volumeName") not in (None, "", volume.key.name):
        yield "volumeName"


def _size(amounts: Any) -> Any:
    return quantity.amount((amounts or {}).get("storage", 0))


def out_of_reach(look: Look) -> Iterator[str]:
    """A pod goes to a node from which all its volumes can be had, each of them bound."""
    for old, pod in look.of("Pod"):
        if pod is None or not pod.status.node or (old is not None and old.uid == pod.uid and old.status.node):
            continue
        node = look.world.store.get(node_key(pod.status.node))
        for volume in _volumes(look.world, pod) if not pod.spec.node_name else ():
            affinity = volume.spec.node_affinity if volume is not None else None
            if volume is None:
                yield f"{pod.key} has gone to a node without a volume"
            elif node is not None and affinity and not node_affinity.selects(affinity.required, node):
                yield f"{pod.key} has gone to {pod.status.node}, where {volume.key} is out of reach"


def _claims(world: World, pod: Resource) -> Iterator[Resource]:
    for volume in pod.spec.volumes or ():
        if volume.persistent_volume_claim is not None:
            name = volume.persistent_volume_claim.claim_name
            found = world.store.get(ObjectKey(CLAIM, pod.key.namespace, name))
            if found is not None:
                yield found


def _volumes(world: World, pod: Resource) -> Iterator[Resource | None]:
    for claim in _claims(world, pod):
        yield world.store.get(ObjectKey(VOLUME, "", claim.status.volume if claim.status is not None else ""))


def shared_disks(look: Look) -> Iterator[str]:
    """Containers on two nodes never have a ReadWriteOnce disk at once, pods never a ReadWriteOncePod one.

    A pod that starts finds no other with the disk elsewhere; one that nobody can stop any more keeps it.
    """
    for old, pod in look.of("Pod"):
        if pod is None or not _runs(pod) or (old is not None and old.uid == pod.uid and _runs(old)):
            continue
        for claim in _claims(look.world, pod):
            modes, others = claim.spec.access_modes or (), _users(look.world, claim, pod)
            elsewhere = [one.key.name for one in others if one.status.node != pod.status.node]
            if {*modes} <= {"ReadWriteOnce", "ReadWriteOncePod"} and modes and elsewhere and _disk(look.world, claim):
                yield f"{pod.key} on {pod.status.node} has {claim.key}, which {elsewhere} have elsewhere"
            if "ReadWriteOncePod" in modes and others:
                yield f"{pod.key} has {claim.key}, which {[one.key.name for one in others]} have too"


def _runs(pod: Resource) -> bool:
    return bool(container_status.running(pod)) and not pods.ended(pod)


def _users(world: World, claim: Resource, but: Resource | None) -> list[Resource]:
    there = world.store.list("Pod", claim.key.namespace)
    return [pod for pod in there if pod is not but and _runs(pod) and claim in [*_claims(world, pod)]]


def _disk(world: World, claim: Resource) -> bool:
    volume = world.store.get(ObjectKey(VOLUME, "", claim.status.volume if claim.status is not None else ""))
    return volume is not None and not {"hostPath", "local", "nfs"} & {*volume.manifest["spec"]}


def lost_volumes(look: Look) -> Iterator[str]:
    """A volume goes because its claim has and it says Delete, or because somebody deletes it, and then not while it is
    bound; a claim stays while a pod on a node has it."""
    for volume in look.gone(VOLUME):
        asked = volume.deleting or look.by_user
        if not asked and volume.spec.persistent_volume_reclaim_policy != "Delete":
            yield f"{volume.key} has gone, its policy is {volume.spec.persistent_volume_reclaim_policy}"
        if volume.status is not None and volume.status.phase == "Bound" and _holds(look, volume):
            yield f"{volume.key} has gone, {volume.status.claim} has it still"
    for claim in look.gone(CLAIM):
        users = [pod.key.name for pod in look.world.store.list("Pod", claim.key.namespace) if _mounts(pod, claim)]
        if users:
            yield f"{claim.key} has gone, {users} have it still"


def _holds(look: Look, volume: Resource) -> bool:
    claim = look.world.store.get(ObjectKey(CLAIM, *volume.status.claim))
    return claim is not None and claim.status is not None and claim.status.volume == volume.key.name


def _mounts(pod: Resource, claim: Resource) -> bool:
    names = [v.persistent_volume_claim.claim_name for v in pod.spec.volumes or () if v.persistent_volume_claim]
    return bool(pod.status.node) and not pods.ended(pod) and claim.key.name in names


def unreclaimed(look: Look) -> Iterator[str]:
    """Whose claim has gone is Released where it is kept, and otherwise gone or free again; it serves again only once
    somebody has said so."""
    for old, new in look.kept(VOLUME):
        before, now = (one.status.phase if one.status is not None else "Available" for one in (old, new))
        if (before, now) in (("Released", "Bound"), ("Failed", "Bound")):
            yield f"{new.key} was {before} and is Bound"
        if before == "Bound" and now == "Available" and new.spec.persistent_volume_reclaim_policy != "Recycle":
            yield f"{new.key} is offered again, its policy is {new.spec.persistent_volume_reclaim_policy}"


PROMISES = (unrequited, ill_matched, out_of_reach, shared_disks, lost_volumes, unreclaimed)
