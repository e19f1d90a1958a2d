"""Which faults are on. Ground truth: no agent may read it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from immutables import Map

from stratus_sim.cluster.objects import Manifest, ObjectKey


@dataclass(slots=True)
class FaultState:
    """Active faults by (name, target) with the manifests they found, so that switching off can put them back."""

    active: Map[tuple[str, ObjectKey], tuple[tuple[ObjectKey, Manifest | None], ...]] = Map()

    def copy(self) -> FaultState:
        return copy.copy(self)
