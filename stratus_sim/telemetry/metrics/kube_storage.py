"""kube-state-metrics about storage, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/storage (v2.17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from stratus_sim.telemetry.metrics.reading import at, conditions, described, gauge, one_of, plain_amount, texts
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

CLAIM, VOLUME = "PersistentVolumeClaim", "PersistentVolume"
_SOURCES = {
    "gce_persistent_disk_name": "gcePersistentDisk.pdName", "ebs_volume_id": "awsElasticBlockStore.volumeID",
    "azure_disk_name": "azureDisk.diskName", "fc_wwids": "fc.wwids", "fc_lun": "fc.lun",
    "fc_target_wwns": "fc.targetWWNs", "iscsi_target_portal": "iscsi.targetPortal", "iscsi_iqn": "iscsi.iqn",
    "iscsi_lun": "iscsi.lun", "iscsi_initiator_name": "iscsi.initiatorName", "nfs_server": "nfs.server",
    "nfs_path": "nfs.path", "csi_driver": "csi.driver", "csi_volume_handle": "csi.volumeHandle",
    "local_path": "local.path", "local_fs": "local.fsType", "host_path": "hostPath.path",
    "host_path_type": "hostPath.type",
}  # fmt: skip


def _phase(*phases: str) -> Callable[[Json], Iterable[tuple[Labels, float]]]:
    return lambda body: one_of("phase", phases, at(body, "status.phase"))


def _amount(path: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """The storage of a list of resources."""

    def read(body: Json) -> Iterator[tuple[Labels, float]]:
        if (found := at(body, f"{path}.storage")) is not None:
            yield {}, plain_amount(found)

    return read


def _modes(claim: Json) -> Iterator[tuple[Labels, float]]:
    for mode in at(claim, "spec.accessModes") or ():
        yield {"access_mode": mode}, 1


_CLASS = {"storageclass": "spec.storageClassName"}
_NAMES = {"volumename": "spec.volumeName", "volumemode": "spec.volumeMode"}
described("kube_persistentvolumeclaim_info", CLAIM, "Information about persistent volume claim.", {**_CLASS, **_NAMES})
conditions("kube_persistentvolumeclaim_status_condition", CLAIM, "What holds of a persistent volume claim.")
for _name, _help, _read in (
    ("status_phase", "The phase the persistent volume claim is currently in.", _phase("Lost", "Bound", "Pending")),
    ("resource_requests_storage_bytes", "The capacity of storage requested.", _amount("spec.resources.requests")),
    ("access_mode", "The access modes specified by the persistent volume claim.", _modes),
):
    gauge(f"kube_persistentvolumeclaim_{_name}", CLAIM, _help, _read)


def _volume(body: Json) -> Iterator[tuple[Labels, float]]:
    found = {name: at(body, f"spec.{path}") for name, path in _SOURCES.items()}
    joined = {name: ",".join(one) if isinstance(one, list) else one for name, one in found.items()}
    about = {**_CLASS, "reclaim_policy": "spec.persistentVolumeReclaimPolicy"}
    yield {**texts(body, about), **texts(joined, {name: name for name in joined})}, 1


def _claimed(body: Json) -> Iterator[tuple[Labels, float]]:
    if found := at(body, "spec.claimRef"):
        yield texts(found, {"claim_namespace": "namespace", "name": "name"}), 1


def _attributes(body: Json) -> Iterator[tuple[Labels, float]]:
    """Those of an external driver that name how it mounts."""
    if found := at(body, "spec.csi"):
        known = found.get("volumeAttributes") or {}
        yield texts(known, {"csi_mounter": "mounter", "csi_map_options": "mapOptions"}), 1


described("kube_persistentvolume_volume_mode", VOLUME, "The mode of a volume.", {"volumemode": "spec.volumeMode"})
for _name, _help, _read in (
    ("info", "Information about persistentvolume.", _volume),
    (
        "status_phase", "Whether a volume is available, bound to a claim, or released by one.",
        _phase("Pending", "Available", "Bound", "Released", "Failed"),
    ),
    ("capacity_bytes", "Persistentvolume capacity in bytes.", _amount("spec.capacity")),
    ("claim_ref", "Information about the Persistent Volume Claim Reference.", _claimed),
    ("csi_attributes", "CSI attributes of the Persistent Volume.", _attributes),
):  # fmt: skip
    gauge(f"kube_persistentvolume_{_name}", VOLUME, _help, _read)

described(
    "kube_storageclass_info", "StorageClass", "Information about storageclass.",
    {"provisioner": "provisioner", "reclaim_policy": "reclaimPolicy", "volume_binding_mode": "volumeBindingMode"},
)  # fmt: skip
