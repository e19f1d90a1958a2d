"""The application scenarios are played on, loaded once, and the worlds made of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from stratus_sim.applications import embedded_path
from stratus_sim.cluster import pods
from stratus_sim.cluster.admission import refusal
from stratus_sim.faults import FAULTS, choose_target, find, inject, noise
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application, describe
from stratus_sim.manifests.load import Manifests, load
from stratus_sim.manifests.topology import load_topology
from stratus_sim.snapshot import Snapshot
from stratus_sim.testing.scenario import Scenario
from stratus_sim.world import World


class Source(NamedTuple):
    """Where an application comes from: the name of an embedded one, or manifests.

    `topology` declares what cannot be inferred; objects that name no namespace go to `namespace`.
    """

    name: str = "hotel"
    manifests: str | None = None
    topology: str | None = None
    namespace: str | None = None


class Stage:
    """An application ready to be deployed with any seed."""

    def __init__(self, source: Source) -> None:
        """Raises UserError when the manifests or the topology cannot be used."""
        self.source = source
        path = Path(source.manifests) if source.manifests else embedded_path(source.name)
        self.manifests: Manifests = load(path, source.namespace)
        topology = load_topology(Path(source.topology)) if source.topology else None
        self.application: Application = describe(self.manifests, topology)
        self._standing = lru_cache(maxsize=32)(self._deploy)

    def _deploy(self, seed: int) -> Snapshot:
        return deploy(self.manifests, self.application, seed).snapshot()

    def standing(self, seed: int) -> World:
        """The application as it stands before anything happens."""
        return World(self._standing(seed))

    def world(self, scenario: Scenario) -> World:
        """A world in which the scenario's fault and load are on their way.

        Raises:
            UserError: the fault is unknown or has no such target here.
        """
        world, fault = self.standing(scenario.seed), find(scenario.fault)
        target = choose_target(world, fault, scenario.target)
        world.schedule(0, "traffic.load", scenario.load_permille)
        inject.schedule(world, scenario.fault_at_s * SECOND_US, fault.name, target)
        if scenario.fault_for_s is not None:
            end_s = scenario.fault_at_s + scenario.fault_for_s
            world.schedule(end_s * SECOND_US, "fault.heal", fault.name, target)
        if scenario.noise:
            noise.start(world)
        return world

    def remarks(self) -> list[str]:
        """What is odd about the manifests, and what of them would not start in a cluster."""
        return [*self.manifests.warnings, *self._defects()]

    def _defects(self) -> list[str]:
        world = self.standing(0)
        waiting = [pod for pod in world.store.list("Pod") if not pod.status.ready and not pods.ended(pod)]
        told = [f"{pod.key}: {pod.status.reason or 'not ready'} {pod.status.message}".rstrip() for pod in waiting]
        said = sorted((e for e in world.cluster.events.values() if e.reason == refusal.FAILED), key=lambda e: e.last_us)
        latest = {str(event.involved): event.message for event in said}
        return [*told, *(f"{owner}: {refusal.FAILED} {latest[owner]}" for owner in sorted(latest))]

    def strikes(self) -> list[tuple[str, str]]:
        """Every (fault, target) that makes sense for this application."""
        world = self.standing(0)
        return [(f.name, f"{key.kind}/{key.name}") for f in FAULTS.values() for key in f.targets(world)]
