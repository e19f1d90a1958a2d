"""A small application behind the Kubernetes API; the adapter on it takes the world's clock for the wall's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stratus_sim.adapters.kubernetes import cluster as kubernetes
from stratus_sim.adapters.kubernetes.target import Target
from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import Field, Value
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve import RunningServer, serve
from stratus_sim.world import World
from tests.transaction import small

EPOCH_US = 1_735_689_600 * 1_000_000
"""Worlds begin with 2025."""


class WorldClock:
    """The served world's clock: waiting lets simulated time pass, nobody sleeps."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server

    def now_us(self) -> int:
        return EPOCH_US + self._server.world.now_us

    def sleep(self, duration_us: int) -> None:
        self._server.advance(duration_us / 1_000_000)


class Live(NamedTuple):
    """A server, and a kubeconfig that leads to it."""

    server: RunningServer
    kubeconfig: Path

    @property
    def target(self) -> Target:
        return Target(str(self.kubeconfig))

    def cluster(self) -> kubernetes.KubernetesCluster:
        return self.target.open()

    def everything(self) -> dict[Field, Value]:
        with self.server.lock:
            found = small.everything(self.server.world)
        return {field: value for field, value in found.items() if field.object.kind != "Lease"}

    def human(self, key: ObjectKey, **changes: Any) -> None:
        with self.server.touching() as world:
            small.human(world, key, **changes)

    def holder(self) -> str:
        with self.server.lock:
            found = self.server.world.store.get(ObjectKey("Lease", "default", "stratus-write-lock"))
        return str(found.manifest["spec"]["holderIdentity"]) if found else ""

    def put(self, manifest: dict[str, Any]) -> None:
        with self.server.touching() as world:
            api.put(world, manifest, "human")


@contextmanager
def live(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    with serve(world) as server:
        monkeypatch.setattr(kubernetes, "WallClock", lambda: WorldClock(server))
        yield Live(server, server.kubeconfig(folder / "kubeconfig"))
