"""What a cluster remembers beside its objects."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from immutables import Map

from stratus_sim.cluster.admission.refusal import Item, Refused
from stratus_sim.cluster.api import Change
from stratus_sim.cluster.lease import Lease
from stratus_sim.cluster.objects import EventRecord, ObjectKey
from stratus_sim.cluster.ordered import Ordered
from stratus_sim.cluster.scheduling.memory import Memory
from stratus_sim.cluster.zones import Pace, Zone


@dataclass(slots=True)
class ClusterState:
    """Kubernetes Events, the audit log of configuration, the write lock, the nodes in the scheduler's order, the items
    controllers wait with because admission refused a pod, the names of the nodes that are believed lost, and how often
    zones may send the pods of such a node away.

    Immutable values: a copy is a snapshot.
    """

    events: Map[tuple[ObjectKey, str, str], EventRecord] = Map()
    audit: Change | None = None
    lease: Lease = Lease()
    ranking: Ordered[tuple[int, str]] = ()
    scheduling: Memory = Memory()  # noqa: RUF009  # immutable
    refusals: Map[Item, Refused] = Map()
    lost: frozenset[str] = frozenset()
    zones: Map[Zone, Pace] = Map()

    def copy(self) -> ClusterState:
        return copy.copy(self)
