"""A simulated cluster with an application on it: plain data, a clock, and nothing else.

`snapshot`, `fork` and `restore` cost a few references because every value inside is immutable; SimPy's queue is
rebuilt from the pending timers when a fork first runs.
"""

from __future__ import annotations

from stratus_sim import application, cluster, faults
from stratus_sim.application.processes import ApplicationProcesses
from stratus_sim.application.state import TrafficState
from stratus_sim.cluster.indexes import StoreState
from stratus_sim.cluster.objects import node_key
from stratus_sim.cluster.process import Processes
from stratus_sim.cluster.state import ClusterState
from stratus_sim.cluster.store import Store
from stratus_sim.faults.state import FaultState
from stratus_sim.kernel import Kernel, KernelState
from stratus_sim.kernel.draft import Draft
from stratus_sim.manifests.application import Application
from stratus_sim.snapshot import Snapshot

ROOMS = (cluster, application, faults)  # importing them registers their handlers and watchers


class World(Kernel):
    """One cluster. Times are integer microseconds since it began; the same seed gives the same history."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot.kernel.copy())
        self.application = snapshot.application
        self.processes: Processes = ApplicationProcesses(snapshot.application)
        self.store = Store(self, snapshot.store.copy())
        self._cluster = snapshot.cluster.copy()
        self.events = Draft(snapshot.cluster.events)
        self.traffic = snapshot.traffic.copy()
        self.faults = snapshot.faults.copy()

    @classmethod
    def empty(cls, application: Application, seed: int = 0) -> World:
        """A world without objects in which `application` would run once its manifests are applied."""
        kernel = KernelState(seed=seed)
        return cls(Snapshot(application, kernel, StoreState(), ClusterState(), TrafficState(), FaultState()))

    @property
    def cluster(self) -> ClusterState:
        """What the cluster remembers; ask again after a change, its `events` stay as they are."""
        self._cluster.events = self.events.freeze()
        return self._cluster

    def snapshot(self) -> Snapshot:
        """The world as it is now; nothing that happens later changes it."""
        return Snapshot(
            self.application,
            self.kernel.copy(),
            self.store.state.copy(),
            self.cluster.copy(),
            self.traffic.copy(),
            self.faults.copy(),
        )

    def fork(self) -> World:
        """A second world with the same past and the same luck ahead."""
        return World(self.snapshot())

    def restore(self, snapshot: Snapshot) -> None:
        """Become what `snapshot` was taken of."""
        self.__init__(snapshot)  # type: ignore[misc]  # a world is nothing but its snapshot

    def node_alive(self, name: str) -> bool:
        """Whether the kubelet of a node reports."""
        node = self.store.get(node_key(name))
        return node is not None and bool(node.status.heartbeat)
