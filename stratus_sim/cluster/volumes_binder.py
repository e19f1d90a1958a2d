"""PersistentVolume controller: binds claims to volumes, and has volumes made.

Follows kubernetes.io/docs/concepts/storage/persistent-volumes ("Lifecycle of a volume and claim") and
kubernetes.io/docs/concepts/storage/storage-classes ("Volume binding mode"). Who is bound to whom is status: no manifest
says so. What a claim leaves behind is up to `volumes_reclaim`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import volumes_matching as matching
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.volumes_matching import CLAIM, CLASS, VOLUME, ZONE
from stratus_sim.cluster.volumes_protection import mounted
from stratus_sim.cluster.volumes_status import ClaimStatus, VolumeStatus
from stratus_sim.cluster.watching import NODE, watches
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.storage_shapes import StorageClass

if TYPE_CHECKING:
    from stratus_sim.world import World

_LOCAL_PATH = "rancher.io/local-path"
_HOST = "kubernetes.io/hostname"
_RESYNC_US = 15 * SECOND_US
"""How often the controller looks at everything (`--pvclaimbinder-sync-period`)."""


@watches(CLAIM)
def on_claim(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("volumes.claim", new.key)
    elif new is None and old is not None and old.status is not None and old.status.volume:
        left = (ObjectKey(VOLUME, "", old.status.volume), (old.key.namespace, old.key.name), old.uid)
        world.enqueue("volumes.reclaim", left)


@watches(VOLUME)
def on_volume(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.manifest is not new.manifest or old.status != new.status):
        _take_back(world, new)
        _look_again(world)
    elif new is None and old is not None and old.status is not None and old.status.claim:
        world.enqueue("volumes.claim", ObjectKey(CLAIM, *old.status.claim))


@watches("Pod", of=NODE)
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    """A claim that waits for a pod to be scheduled says so when the controller next looks at all of them."""
    if old is None and new is not None and new.spec.volumes and not new.status.node and mounted(new.spec):
        world.schedule(_RESYNC_US, "volumes.unscheduled", new.key, new.uid)


@handler("volumes.unscheduled")
def unscheduled(world: World, key: ObjectKey, uid: int) -> None:
    """A pod that still has no node has no volumes either."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid:
        return
    for name in mounted(pod.spec):
        claim = world.store.get(ObjectKey(CLAIM, key.namespace, name))
        if claim is not None and (claim.status or ClaimStatus()).phase == "Pending" and matching.delayed(world, claim):
            users = [one.key for one in world.store.on_node("") if name in mounted(one.spec)]
            names = [user.name for user in users if user.namespace == key.namespace]
            message = f"waiting for {'pod' if len(names) == 1 else 'pods'} {','.join(names)} to be scheduled"
            emit(world, claim.key, "WaitForPodScheduled", message)


def _take_back(world: World, volume: Resource) -> None:
    """A released volume whose `claimRef` somebody has taken off, or freed of its `uid`, may serve again."""
    held = (volume.manifest.get("spec") or {}).get("claimRef") or {}
    if volume.status is not None and volume.status.phase in ("Released", "Failed") and not held.get("uid"):
        world.store.report(volume.key, VolumeStatus())


@watches(CLASS)
def on_class(world: World, old: Resource | None, new: Resource | None) -> None:
    _look_again(world)


def _look_again(world: World) -> None:
    for claim in world.store.list(CLAIM):
        if claim.status is None or claim.status.phase == "Pending":
            world.enqueue("volumes.claim", claim.key)


@handler("volumes.claim")
def reconcile(world: World, key: ObjectKey) -> None:
    """Bind a claim, have its volume made, or say why it waits; one whose volume has gone is lost."""
    claim = world.store.get(key)
    if claim is None:
        return
    status = claim.status or ClaimStatus()
    world.store.report(key, status)
    if status.phase == "Bound" and world.store.get(ObjectKey(VOLUME, "", status.volume)) is None:
        emit(world, key, "ClaimLost", _LOST, warning=True)
        world.store.report(key, msgspec.structs.replace(status, phase="Lost"))
    elif status.phase == "Pending" and not status.provisioning:
        _settle(world, claim)


_LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"


def _settle(world: World, claim: Resource) -> None:
    found, late = matching.storage_class(world, claim), matching.delayed(world, claim)
    waits = late and found is not None and not matching.assumed(found)
    volume = matching.reserved(world, claim) if waits else matching.best(world, claim)
    if volume is not None:
        bind(world, claim, volume)
    elif late:
        emit(world, claim.key, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    elif not claim.spec.volume_name:
        _await_volume(world, claim)


def _await_volume(world: World, claim: Resource) -> None:
    name, found = matching.class_name(world, claim), matching.storage_class(world, claim)
    if not name:
        message = "no persistent volumes available for this claim and no storage class is set"
        emit(world, claim.key, "FailedBinding", message)
    elif found is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        emit(world, claim.key, "ProvisioningFailed", message, warning=True)
    elif found.provisioner == matching.NO_PROVISIONER:
        message = f"no volume plugin matched name: {found.provisioner}"
        emit(world, claim.key, "ProvisioningFailed", message, warning=True)
    else:
        _begin(world, claim, found)


def _begin(world: World, claim: Resource, found: StorageClass) -> None:
    if claim.spec.selector is not None:
        message = (
            f'failed to provision volume with StorageClass "{found.metadata.name}": claim Selector is not supported'
        )
        emit(world, claim.key, "ProvisioningFailed", message, warning=True)
        return
    _ask_provisioner(world, claim, found)
    world.store.report(claim.key, ClaimStatus(provisioning=True))
    delay_us = world.draw(str(claim.key), "provision", SECOND_US // 2, 2 * SECOND_US)
    world.schedule(delay_us, "volumes.provision", claim.key, claim.uid)


def _ask_provisioner(world: World, claim: Resource, found: StorageClass) -> None:
    asked = f'External provisioner is provisioning volume for claim "{claim.key.path}"'
    emit(world, claim.key, "Provisioning", asked)
    message = (
        f"Waiting for a volume to be created either by the external provisioner '{found.provisioner}' or manually by"
        " the system administrator. If volume creation is delayed, please verify that the provisioner is running and"
        " correctly registered."
    )
    emit(world, claim.key, "ExternalProvisioning", message)


@handler("volumes.provision")
def provisioned(world: World, key: ObjectKey, uid: int) -> None:
    """The provisioner of an Immediate class has answered."""
    claim = world.store.get(key)
    if claim is not None and claim.uid == uid and claim.status is not None and claim.status.phase == "Pending":
        world.store.report(key, ClaimStatus())
        _make(world, claim, None)


def bind(world: World, claim: Resource, volume: Resource) -> None:
    """Give a volume to a claim."""
    holder = (claim.key.namespace, claim.key.name)
    world.store.report(claim.key, ClaimStatus("Bound", volume.key.name))
    world.store.report(volume.key, VolumeStatus("Bound", holder))


def provision(world: World, claim: Resource, node: Resource) -> None:
    """Have a volume made for a claim where `node` can reach it, and bind it; nothing where its class can make none."""
    found = matching.maker(world, claim)
    if found is not None:
        _ask_provisioner(world, claim, found)
        _make(world, claim, node)


def _make(world: World, claim: Resource, node: Resource | None) -> None:
    found = matching.maker(world, claim)
    if found is None:
        return
    volume = world.store.create(_volume(claim, found, node), status=VolumeStatus(), made=True)
    emit(world, claim.key, "ProvisioningSucceeded", f"Successfully provisioned volume {volume.key.name}")
    bind(world, claim, volume)


def _volume(claim: Resource, found: StorageClass, node: Resource | None) -> dict[str, Any]:
    requests = (claim.spec.resources and claim.spec.resources.requests) or {}
    spec = {
        "capacity": {"storage": requests.get("storage", 0)},
        "accessModes": list(claim.spec.access_modes or ["ReadWriteOnce"]),
        "storageClassName": found.metadata.name,
        "persistentVolumeReclaimPolicy": found.reclaim_policy or "Delete",
        "volumeMode": claim.spec.volume_mode or "Filesystem",
        "claimRef": {"kind": CLAIM, "namespace": claim.key.namespace, "name": claim.key.name},
        **_topology(found, node),
    }
    name = claim.spec.volume_name or f"pvc-{uuid_of(claim.uid)}"
    return {"apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name}, "spec": spec}


def _topology(found: StorageClass, node: Resource | None) -> dict[str, Any]:
    """A disk is reached from the zone it is in, a directory from the node it is on."""
    key = _HOST if found.provisioner == _LOCAL_PATH else ZONE
    value = node.labels.get(key) if node is not None else None
    if value is None:
        return {}
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
