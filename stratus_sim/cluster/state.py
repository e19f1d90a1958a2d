"""What a cluster remembers beside its objects."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from immutables import Map

from stratus_sim.cluster.api import Change
from stratus_sim.cluster.events import EventRecord
from stratus_sim.cluster.lease import Lease
from stratus_sim.cluster.objects import ObjectKey


@dataclass(slots=True)
class ClusterState:
    """Kubernetes Events, the audit log of configuration, the write lock. Immutable values: a copy is a snapshot."""

    events: Map[tuple[ObjectKey, str, str], EventRecord] = Map()
    audit: Change | None = None
    lease: Lease = Lease()

    def copy(self) -> ClusterState:
        return copy.copy(self)
