"""What the volume binder found out of claims and volumes."""

from __future__ import annotations

from typing import Literal

import msgspec


class ClaimStatus(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolumeClaim and the `volume` it is bound to; `provisioning` while one is being made for it.

    `growing` is the condition that says how far an expansion has come, which began at `growing_us` and has waited for
    a kubelet since `pending_us`; `capacity` is what the file system has until it is over. Without one the claim has all
    of its volume.
    """

    phase: Literal["Pending", "Bound", "Lost"] = "Pending"
    volume: str = ""
    provisioning: bool = False
    growing: Literal["", "Resizing", "FileSystemResizePending"] = ""
    growing_us: int = 0
    pending_us: int = 0
    capacity: str | int | float = ""


class VolumeStatus(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolume; `claim` is (namespace, name) of the claim that holds it, or held it last.

    `message` is why it could not be reclaimed.
    """

    phase: Literal["Available", "Bound", "Released", "Failed"] = "Available"
    claim: tuple[str, str] | None = None
    message: str = ""
