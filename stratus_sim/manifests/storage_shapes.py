"""Storage: volumes, claims on them, and the classes that make them.

Source: Kubernetes API reference v1.33, "PersistentVolume", "PersistentVolumeClaim" and "StorageClass".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stratus_sim.manifests.pod_shapes import Amount, Metadata, Resources
from stratus_sim.manifests.scheduling_shapes import NodeSelector
from stratus_sim.manifests.selector_shapes import LabelSelector, Shape

AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]
VolumeMode = Literal["Filesystem", "Block"]


class ClaimRef(Shape, frozen=True):
    name: str = ""
    namespace: str = ""


class VolumeAffinity(Shape, frozen=True):
    required: NodeSelector | None = None


class VolumeSpec(Shape, frozen=True):
    capacity: dict[str, Amount] | None = None
    access_modes: list[AccessMode] | None = None
    storage_class_name: str | None = None
    persistent_volume_reclaim_policy: Literal["Retain", "Delete", "Recycle"] | None = None
    volume_mode: VolumeMode | None = None
    claim_ref: ClaimRef | None = None
    node_affinity: VolumeAffinity | None = None


class PersistentVolume(Shape, frozen=True):
    metadata: Metadata
    spec: VolumeSpec = VolumeSpec()


class ClaimSpec(Shape, frozen=True):
    access_modes: list[AccessMode] | None = None
    resources: Resources | None = None
    storage_class_name: str | None = None
    volume_name: str | None = None
    volume_mode: VolumeMode | None = None
    selector: LabelSelector | None = None


class PersistentVolumeClaim(Shape, frozen=True):
    metadata: Metadata
    spec: ClaimSpec = ClaimSpec()


class StorageClass(Shape, frozen=True):
    """A storage.k8s.io/v1 StorageClass has no spec."""

    metadata: Metadata
    provisioner: str
    volume_binding_mode: Literal["Immediate", "WaitForFirstConsumer"] | None = None
    reclaim_policy: Literal["Retain", "Delete"] | None = None
    allow_volume_expansion: bool | None = None

    @property
    def spec(self) -> StorageClass:
        return self


STORAGE_SHAPES: Mapping[str, type[Shape]] = {
    "PersistentVolume": PersistentVolume,
    "PersistentVolumeClaim": PersistentVolumeClaim,
    "StorageClass": StorageClass,
}
