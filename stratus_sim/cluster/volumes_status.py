"""What the volume binder found out of claims and volumes."""

from __future__ import annotations

from typing import Literal

import msgspec


class ClaimStatus(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolumeClaim and the `volume` it is bound to; `provisioning` while one is being made for it."""

    phase: Literal["Pending", "Bound", "Lost"] = "Pending"
    volume: str = ""
    provisioning: bool = False


class VolumeStatus(msgspec.Struct, frozen=True, gc=False):
    """A PersistentVolume; `claim` is (namespace, name) of the claim that holds it, or held it last."""

    phase: Literal["Available", "Bound", "Released"] = "Available"
    claim: tuple[str, str] | None = None
