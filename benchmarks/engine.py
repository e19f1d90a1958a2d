"""The engine against its yardsticks: `copy.deepcopy` for forks, a bare SimPy callback loop for events."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from simpy import Environment
from simpy.events import Timeout

from benchmarks.worlds import cluster

PODS = 1_000
SIMULATED_S = 1_800
ROUNDS = 5


def fork_against_deepcopy() -> tuple[float, float]:
    """Seconds for one `fork()` of a 1,000-pod world, and for `copy.deepcopy` of the same data."""
    world = cluster(PODS)
    data = world.snapshot()
    forks = min(_timed(lambda: [world.fork() for _ in range(1000)]) for _ in range(ROUNDS)) / 1000
    copies = min(_timed(lambda: copy.deepcopy(data)) for _ in range(ROUNDS))
    return forks, copies


def events_against_bare_loop() -> tuple[float, float, int]:
    """Events per second of a 1,000-pod cluster in restless change and of a bare SimPy loop with as many timers.

    The two run in turn, and the best of each is taken. Returns (ours, bare, timers pending).
    """
    world = cluster(PODS, live_port=81)
    timers = len(world.kernel.timers)
    ours, bare = 0.0, 0.0
    for _ in range(ROUNDS):
        fork = world.fork()
        before = fork.kernel.fired
        spent = _timed(lambda fork=fork: fork.run_for(SIMULATED_S * 1_000_000))
        fired = fork.kernel.fired - before
        ours = max(ours, fired / spent)
        bare = max(bare, fired / _timed(lambda fired=fired: _bare_loop(timers, fired)))
    return ours, bare, timers


def _bare_loop(timers: int, events: int) -> None:
    environment = Environment()

    def again(event: Timeout) -> None:
        Timeout(environment, 1 + event._value % 7, event._value).callbacks.append(again)

    for number in range(timers):
        Timeout(environment, number % 7, number).callbacks.append(again)
    for _ in range(events):
        environment.step()


def _timed(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start
