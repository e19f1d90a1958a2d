"""Claims and volumes as the API server returns them: who is bound to whom, and the finalizers that protect both.

Source: Kubernetes API reference v1.33, "PersistentVolumeClaim" and "PersistentVolume";
kubernetes.io/docs/concepts/storage/persistent-volumes ("Storage Object in Use Protection").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.volumes_expansion import WAITING
from stratus_sim.cluster.volumes_protection import FINALIZERS
from stratus_sim.cluster.volumes_status import ClaimStatus, VolumeStatus
from stratus_sim.telemetry.render_workloads import Json, condition

if TYPE_CHECKING:
    from stratus_sim.world import World


def claim(world: World, body: Json, resource: Resource) -> None:
    """The phase of a claim; of one that is bound its volume, and what that gives it."""
    status = resource.status or ClaimStatus()
    _protect(body, resource)
    body["status"] = {"phase": status.phase}
    volume = world.store.get(ObjectKey("PersistentVolume", "", status.volume))
    if status.volume:
        body["spec"] = {**(body.get("spec") or {}), "volumeName": status.volume}
    if volume is not None:
        capacity, modes = volume.spec.capacity, volume.spec.access_modes
        body["status"] |= {"accessModes": [*(modes or ())], "capacity": {**(capacity or {})}}
    if status.growing and volume is not None:
        waits = status.growing == "FileSystemResizePending"
        asked = volume.spec.capacity if waits else resource.spec.resources.requests
        body["status"] |= {
            "capacity": {"storage": status.capacity}, "allocatedResources": {"storage": asked["storage"]},
            "allocatedResourceStatuses": {"storage": "NodeResizePending" if waits else "ControllerResizeInProgress"},
            "conditions": _growing(status),
        }  # fmt: skip


def _growing(status: ClaimStatus) -> list[Json]:
    """The volume is made larger until its file system is."""
    found = [{**condition("Resizing", True, status.growing_us), "message": ""}]
    if status.pending_us:
        found.append({**condition("FileSystemResizePending", True, status.pending_us), "message": WAITING})
    return found


def volume(world: World, body: Json, resource: Resource) -> None:
    """The phase of a volume, the claim that holds it, and what went wrong with it."""
    status = resource.status or VolumeStatus()
    _protect(body, resource)
    body["status"] = {"phase": status.phase, **({"message": status.message} if status.message else {})}
    found = world.store.get(ObjectKey("PersistentVolumeClaim", *status.claim)) if status.claim else None
    if status.phase == "Bound" and found is not None:
        held = {"apiVersion": "v1", "kind": found.key.kind, "namespace": found.key.namespace, "name": found.key.name}
        body["spec"] = {**(body.get("spec") or {}), "claimRef": {**held, "uid": uuid_of(found.uid)}}


def _protect(body: Json, resource: Resource) -> None:
    """One that is on its way out shows what still holds it."""
    own, finalizer = body["metadata"].get("finalizers") or [], FINALIZERS[resource.key.kind]
    if not resource.deleting and finalizer not in own:
        body["metadata"]["finalizers"] = [finalizer, *own]
