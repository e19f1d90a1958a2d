"""The figures the project promises: each measured on this machine now, and held against its limit."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks import checkers, engine, episodes, scale
from benchmarks.agents import overhead

FORK_FACTOR = 1_000
FORK_MS = 2
EVENT_SHARE_PERCENT = 15
GROWTH_PERCENT = 25
COLD_START_S = 0.5
EPISODE_MS = 50
HOUR_S = 5
MEMORY_MIB = 4 * 1024
PROVE_S = 5
CHECK_S = 60
CHECK_EXAMPLES = 200
RUNTIME_PERCENT = 25
SPIN_SIZE = (8, 4)
_PATIENCE = 3
"""A command is stopped after this many times its limit: the figure is missed whatever the rest would take."""


class Figure(NamedTuple):
    """A measured value, and how it stands to its limit: `ratio` is at least 1 where the promise is kept.

    `top` are the functions in which most of the time goes, or the files that hold most of the memory: the first five.
    """

    name: str
    measured: str
    promised: str
    ratio: float
    top: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return self.ratio >= 1


def fork() -> Figure:
    """One fork of a restless 20,000-pod world, its next event included, against `copy.deepcopy` of the same data."""
    forking_s, copying_s = engine.fork_against_deepcopy()
    factor = copying_s / forking_s
    measured = f"{1e3 * forking_s:.2f} ms, {factor:,.0f} times faster"
    promised = f"< {FORK_MS} ms, >= {FORK_FACTOR:,} times"
    ratio = min(factor / FORK_FACTOR, FORK_MS / (1e3 * forking_s))
    name = f"fork and next event against deepcopy, {engine.MANY:,} pods"
    return Figure(name, measured, promised, ratio, engine.fork_top_five())


def events() -> Figure:
    """Simulated events per second against a bare SimPy callback loop with as many timers, in clusters of any size."""
    found = engine.rates(*engine.SIZES)
    percents = [100 * rate.share for rate in found]
    each = [
        f"{percent:.1f} % at {pods:,} ({1e6 * rate.ours_s:.1f} us against {1e6 * rate.bare_s:.2f})"
        for pods, percent, rate in zip(engine.SIZES, percents, found, strict=True)
    ]
    promised, least = f">= {EVENT_SHARE_PERCENT} %", min(percents)
    top = engine.events_top_five(engine.SIZES[1])
    return Figure("events against a bare loop, by pods", ", ".join(each), promised, least / EVENT_SHARE_PERCENT, top)


def timers() -> Figure:
    """The timers of an ordinary cluster, of which we fire few, against a bare SimPy loop that fires them all."""
    found = {pods: engine.ordinary(pods) for pods in engine.ORDINARY}
    measured = ", ".join(f"{100 * rate.share:.0f} % at {pods:,}" for pods, rate in found.items())
    least = min(rate.share for rate in found.values())
    return Figure("probes and leases of an ordinary cluster against a bare loop, by pods", measured, ">= 100 %", least)


def growth() -> Figure:
    """How much dearer an event is in a large cluster than in a small one, against what it is in the bare loop.

    The bare loop has as many timers in its heap, and its cost per event grows with them too: what memory this machine
    has shows in both.
    """
    few, *_, many = engine.rates(*engine.SIZES)
    ours, bare = many.ours_s / few.ours_s, many.bare_s / few.bare_s
    percent = 100 * (ours / bare - 1)
    costs = f"{1e6 * few.ours_s:.1f} to {1e6 * many.ours_s:.1f} us, +{100 * (ours - 1):.0f} %"
    bare_costs = f"bare {1e6 * few.bare_s:.2f} to {1e6 * many.bare_s:.2f} us, +{100 * (bare - 1):.0f} %"
    measured = f"{percent:+.0f} % against the bare loop ({costs}; {bare_costs})"
    least, most = engine.SIZES[0], engine.SIZES[-1]
    name, ratio = f"cost per event, {least:,} to {most:,} pods", (100 + GROWTH_PERCENT) / (100 + percent)
    return Figure(name, measured, f"<= +{GROWTH_PERCENT} %", ratio, engine.events_top_five(most))


def cold_start() -> Figure:
    """The OpenTelemetry demo, from its files to its steady state."""
    spent_s = episodes.cold_start()
    measured, promised = f"{spent_s:.2f} s", f"< {COLD_START_S} s of one core"
    return Figure("cold start, otel-demo", measured, promised, COLD_START_S / spent_s, episodes.cold_start_top_five())


def episode() -> Figure:
    """An episode with ten actions on the embedded application, under the runtime."""
    spent_ms = 1e3 * episodes.episode()
    measured = f"{spent_ms:.1f} ms, {10_000 / spent_ms:.0f} in 10 s"
    promised = f"< {EPISODE_MS} ms, >= 200 in 10 s"
    return Figure("episode of ten actions", measured, promised, EPISODE_MS / spent_ms, episodes.episode_top_five())


def hour() -> Figure:
    """An hour of the OpenTelemetry demo under load, watched and disturbed."""
    spent_s = episodes.hour()
    name = f"an hour of otel-demo, {episodes.LOAD_RPS} requests/s that come at random"
    return Figure(name, f"{spent_s:.2f} s", f"< {HOUR_S} s", HOUR_S / spent_s, episodes.hour_top_five())


def size() -> Figure:
    """100,000 pods on 5,000 nodes in steady state."""
    found = scale.measured()
    whole = found.ready == scale.PODS
    measured = f"{found.peak_mib:,} MiB ({found.ready:,} ready on {found.nodes:,} nodes, {found.cpu_s:.0f} s)"
    ratio = MEMORY_MIB / found.peak_mib if whole else 0.0
    return Figure(f"memory of {scale.PODS:,} pods", measured, f"<= {MEMORY_MIB:,} MiB", ratio, scale.top_five())


def prove() -> Figure:
    """The whole proof, start of the interpreter included."""
    return _command(PROVE_S, "prove")


def spin() -> Figure:
    """The unbounded proof of the lock-and-transaction machine against Spin's search of one instance of it."""
    faults, flips = SPIN_SIZE
    ours, theirs = (checker(faults, flips, checkers.LIMIT_S) for checker in (checkers.proof, checkers.spin))
    name, promised = f"proof of any N against Spin, N = {faults}", "faster"
    measured = f"{ours.cell} against {theirs.cell}"
    if ours.note or theirs.note == checkers.WRONG:
        return Figure(name, measured, promised, 0.0)
    # Without Spin there is nothing to beat, and the line says so.
    return Figure(name, measured, promised, theirs.seconds / ours.seconds if theirs.seconds else 1.0)


def check() -> Figure:
    """The runbook policy on its own and under the runtime, on the embedded application."""
    return _command(CHECK_S, "check", "runbook", "--examples", str(CHECK_EXAMPLES))


def runtime() -> Figure:
    """What transactions cost: their share of an episode whose model answers at once."""
    share, protected_s, own_s = overhead()
    measured = f"{100 * share:.0f} % ({1000 * protected_s:.1f} ms with, {1000 * own_s:.1f} ms without)"
    promised = f"< {RUNTIME_PERCENT} %"
    ratio = RUNTIME_PERCENT / max(100 * share, 0.1)
    return Figure("the runtime's share of an episode", measured, promised, ratio)


ALL = (events, timers, growth, fork, cold_start, episode, hour, size, runtime, prove, spin, check)
"""Those of the otel-demo need its manifests beside the project."""


def _command(limit_s: float, *arguments: str) -> Figure:
    name, promised = f"stratus {' '.join(arguments)}", f"< {limit_s:.0f} s"
    program = [sys.executable, "-c", "from stratus_sim.cli import main; main()", *arguments]
    start = time.perf_counter()
    try:
        ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=limit_s * _PATIENCE)
    except subprocess.TimeoutExpired:
        return Figure(name, f"stopped after {limit_s * _PATIENCE:.0f} s", promised, 0.0)
    spent_s = time.perf_counter() - start
    if ended.returncode:  # fast but wrong is no figure
        return Figure(name, f"exit code {ended.returncode} after {spent_s:.1f} s", promised, 0.0)
    return Figure(name, f"{spent_s:.1f} s", promised, limit_s / spent_s)
