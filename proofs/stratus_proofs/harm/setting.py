"""The setting: a simulated cluster with a fault standing, and what fields of a run are there.

Whatever any configuration would come to from here is measured in a fork that settles in it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import Field, flatten, unflatten
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import inject
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from stratus_spec import TotalMap

from .crew import GONE
from .kinds import SECOND_US

APPLICATION = "hotel"
SETTLE_US = 180 * SECOND_US
CLAIM = ObjectKey("PersistentVolumeClaim", APPLICATION, "reviews")
CLAIMED = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "reviews", "namespace": APPLICATION},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "csi.example.org",
}


def _deployment(name: str, *path: str) -> Field:
    return Field(ObjectKey("Deployment", APPLICATION, name), path)


FIELDS = {
    "geo": _deployment("geo", "spec", "replicas"),
    "geo's nodeSelector": _deployment("geo", "spec", "template", "spec", "nodeSelector", "kubernetes.io/hostname"),
    "profile": _deployment("profile", "spec", "replicas"),
    "user": _deployment("user", "spec", "replicas"),
    "reviews": Field(CLAIM, ("kind",)),
}
"""What the fields of a run stand for: sizes and placement of Deployments, and a claim with data on it."""


@lru_cache(maxsize=8)
def struck(faults: tuple[str, ...]) -> Setting:
    """The application with faults of the catalogue standing at the Deployment `geo`."""
    world = Stage(Source(APPLICATION)).standing(0)
    api.put(world, CLASS, "human")
    api.put(world, CLAIMED, "human")
    for fault in faults:
        inject.schedule(world, 0, fault, FIELDS["geo"].object)
        world.run_for(SETTLE_US)
    return Setting(world)


class Setting:
    """How things stand before a run, and what any configuration would come to from here."""

    def __init__(self, world: World) -> None:
        self.world = world
        read = SimulatedCluster(world).configuration()
        self.configuration: TotalMap[str, Any] = TotalMap.over(
            lambda name: read(FIELDS[name]) if name in FIELDS else None
        )
        self._known: dict[Any, int] = {}
        self.left_alone: dict[Any, int] = {}
        """Severities of the untouched world, by what others wrote in it and when."""

    def severity(self, configuration: TotalMap[str, Any]) -> int:
        """The severity the cluster settles in with this configuration."""
        key = tuple(sorted(configuration.changes.items(), key=str))
        if key not in self._known:
            fork = self.world.fork()
            for name, value in key:
                write(fork, name, value, "human")
            fork.run_for(SETTLE_US)
            self._known[key] = measure(fork).scalar
        return self._known[key]


def write(world: World, name: str, value: Any, writer: str) -> None:
    """Give one of FIELDS a value, GONE to take it away."""
    field = FIELDS[name]
    if field.object == CLAIM:
        if value == GONE:
            api.delete(world, CLAIM, writer)
        else:
            api.put(world, CLAIMED, writer)
        return
    fields = {**flatten(world.store.state.objects[field.object].manifest), field.path: value}
    api.put(world, unflatten({path: v for path, v in fields.items() if v != GONE}) or {}, writer)
