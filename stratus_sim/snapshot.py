"""A world at one instant, as data."""

from __future__ import annotations

from dataclasses import dataclass

from stratus_sim.application.state import TrafficState
from stratus_sim.cluster.indexes import StoreState
from stratus_sim.cluster.state import ClusterState
from stratus_sim.faults.state import FaultState
from stratus_sim.kernel import KernelState
from stratus_sim.manifests.application import Application


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world at one instant. Pickles, compares and outlives the world it was taken of."""

    application: Application
    kernel: KernelState
    store: StoreState
    cluster: ClusterState
    traffic: TrafficState
    faults: FaultState
