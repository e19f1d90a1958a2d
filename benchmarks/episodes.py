"""Whole runs: a cold start, an episode, an hour."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from benchmarks.profiling import cpu_s, top_five
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.manifests.topology import Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.policy import Answer, Submit
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Setup, run_trial
from stratus_sim.world import World

OTEL_DEMO = Path(__file__).parents[2] / "shared" / "data" / "manifests" / "otel-demo"
"""The OpenTelemetry demo's published manifests, which are kept beside the project."""
EPISODES = 50
ACTIONS = 10
HOUR_S = 3600
LOAD_RPS = 100
SCRAPE_S = 15
"""How often Prometheus asks, in its example configuration."""
_PORTS = {"spec": {"ports": [{"port": 8083, "targetPort": 8083}]}}


def cold_start() -> float:
    """CPU seconds from the otel-demo's files to its steady state, every pod ready."""
    return min(cpu_s(_start) for _ in range(3))


def cold_start_top_five() -> tuple[str, ...]:
    return top_five(_start)


def episode() -> float:
    """CPU seconds of one episode: from a snapshot, a fault, ten actions, a verdict against the counterfactual."""
    body = _episodes()
    body()  # the worlds it starts from stand now
    return cpu_s(body) / EPISODES


def episode_top_five() -> tuple[str, ...]:
    return top_five(_episodes())


def hour() -> float:
    """CPU seconds of an hour of the otel-demo under load; monitoring looks on, a pod is lost every five minutes."""
    world = _loaded()
    return cpu_s(lambda: _hour(world))


def hour_top_five() -> tuple[str, ...]:
    world = _loaded()
    return top_five(lambda: _hour(world))


class _Ten:
    """Looks, then acts: nine times about `search`, at last it mends the Service `geo`."""

    def __init__(self) -> None:
        self._acted = 0

    def act(self, observation: Observation) -> Answer:
        observation.alerts()
        observation.list("Pod")
        observation.metrics()
        self._acted += 1
        if self._acted > ACTIONS:
            return Submit("the port of geo")
        if self._acted == ACTIONS:
            return Action("patch", "service/geo", {"patch": _PORTS}, "hotel")
        return Action("scale", "deployment/search", {"replicas": 2 + self._acted % 2}, "hotel")


def _start() -> World:
    world = Stage(Source(manifests=str(OTEL_DEMO))).standing(0)
    assert all(pod.status.ready for pod in world.store.list("Pod")), "a start that does not end is no start"
    return world


def _episodes() -> Callable[[], None]:
    setup = Setup(_stage(), lambda _seed: _Ten())

    def play() -> None:
        for number in range(EPISODES):
            scenario = Scenario("service-target-port-misconfig", "Service/geo", seed=number % 8)
            outcome = run_trial(setup, scenario, "protected")
            (attempt,) = outcome.episode.attempts
            assert outcome.episode.repaired and len(attempt.actions) == ACTIONS, outcome.episode

    return play


@lru_cache(maxsize=1)
def _stage() -> Stage:
    return Stage(Source())


def _loaded() -> World:
    """With users who come at random: no second is like the one before."""
    manifests = load(OTEL_DEMO)
    return deploy(manifests, describe(manifests, Topology(load=DeclaredLoad(rps=LOAD_RPS, arrivals="poisson"))))


def _hour(world: World) -> None:
    for second in range(0, HOUR_S, SCRAPE_S):
        if second % 300 == 0:
            lost = world.store.list("Pod")
            api.delete(world, lost[second // 300 % len(lost)].key, "chaos")
        world.run_for(SCRAPE_S * SECOND_US)
        observe(world).metrics()
    assert measure(world).scalar == 0, "what was lost must be back"
