"""The engine against its yardsticks: `copy.deepcopy` for forks, a bare SimPy callback loop for events."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import lru_cache
from statistics import median
from typing import NamedTuple

from simpy import Environment
from simpy.events import Timeout

from benchmarks.profiling import cpu_s, top_five
from benchmarks.worlds import cluster
from stratus_sim.cluster.state import ClusterState
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World

SIZES = (100, 1_000, 20_000)
"""Pods."""
MANY = SIZES[-1]
ROUNDS = 3
_ROUND_US = 300 * SECOND_US
"""The longest back-off: after it every pod has been restarted once more."""
_FORKS = 20
_PERIOD_S = 10
"""How often a kubelet asks a probe by default, and renews the lease of its node."""
ORDINARY, _WELL = SIZES[1:], 20
"""In a cluster as most are, one Deployment of so many crashes over and over: it has to have as many."""


class Rate(NamedTuple):
    """CPU seconds per event of a cluster in restless change, and of a bare loop with as many timers."""

    ours_s: float
    bare_s: float

    @property
    def share(self) -> float:
        """Our events per second against the bare loop's."""
        return self.bare_s / self.ours_s


@lru_cache(maxsize=3)
def restless(pods: int) -> World:
    """A cluster in which every pod fails its liveness probe, is restarted, and backs off."""
    return cluster(pods, failing_every=1)


@lru_cache(maxsize=1)
def rates(*sizes: int) -> list[Rate]:
    """The best of a few rounds for clusters of these sizes, which take turns; each has about as many events."""
    found = [[_rate(pods, max(sizes)) for pods in sizes] for _ in range(ROUNDS)]
    return [Rate(min(r.ours_s for r in of), min(r.bare_s for r in of)) for of in zip(*found, strict=True)]


def ordinary(pods: int) -> Rate:
    """CPU seconds per timer that Kubernetes fires in a cluster as most are, and of a bare loop that fires them all.

    Most of them nobody fires here: probes that find what they found before, and leases that are renewed in time.
    """
    world = cluster(pods, failing_every=_WELL, period_s=_PERIOD_S)
    world.run_for(_ROUND_US)
    regular = sum(pod.status.ready for pod in world.store.list("Pod")) + len(world.store.list("Node"))
    timers, before = regular + len(world.kernel.timers), world.kernel.fired
    spent = cpu_s(lambda: world.run_for(_ROUND_US))
    fired = regular * _ROUND_US // (_PERIOD_S * SECOND_US) + world.kernel.fired - before
    return Rate(spent / fired, cpu_s(lambda: _bare_loop(timers, fired)) / fired)


def events_top_five(pods: int) -> tuple[str, ...]:
    world = restless(pods).fork()
    return top_five(lambda: world.run_for(_ROUND_US))


def fork_against_deepcopy() -> tuple[float, float]:
    """Seconds from a `fork()` of a 20,000-pod world to its next event, that included, and for `copy.deepcopy`.

    The world goes on for a second before each fork: nothing is left over from the one before.
    """
    world = restless(MANY).fork()
    found = []
    for _ in range(_FORKS):
        world.run_for(SECOND_US)
        found.append(cpu_s(lambda: world.fork().step()))
    data = world.snapshot()  # but for two logs, chains longer than deepcopy follows
    data = replace(data, cluster=ClusterState(events=data.cluster.events), kernel=replace(data.kernel, log=None))
    return median(found), cpu_s(lambda: copy.deepcopy(data))


def fork_top_five() -> tuple[str, ...]:
    world = restless(MANY).fork()
    return top_five(lambda: [world.fork().step() for _ in range(_FORKS)])


def _rate(pods: int, most: int) -> Rate:
    world = restless(pods).fork()
    timers, before = len(world.kernel.timers), world.kernel.fired
    spent = cpu_s(lambda: world.run_for(_ROUND_US * most // pods))
    fired = world.kernel.fired - before
    return Rate(spent / fired, cpu_s(lambda: _bare_loop(timers, fired)) / fired)


def _bare_loop(timers: int, events: int) -> None:
    environment = Environment()

    def again(event: Timeout) -> None:
        Timeout(environment, 1 + event._value % 7, event._value).callbacks.append(again)

    for number in range(timers):
        Timeout(environment, number % 7, number).callbacks.append(again)
    for _ in range(events):
        environment.step()
