"""The figures the project promises: each measured on this machine now, and held against its limit."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks.agents import overhead
from benchmarks.engine import events_against_bare_loop, fork_against_deepcopy

FORK_FACTOR = 100
EVENT_SHARE_PERCENT = 8
PROVE_S = 5
CHECK_S = 60
CHECK_EXAMPLES = 200
RUNTIME_PERCENT = 25
_PATIENCE = 3
"""A command is stopped after this many times its limit: the figure is missed whatever the rest would take."""


class Figure(NamedTuple):
    """A measured value, and how it stands to its limit: `ratio` is at least 1 where the promise is kept."""

    name: str
    measured: str
    promised: str
    ratio: float

    @property
    def kept(self) -> bool:
        return self.ratio >= 1


def fork() -> Figure:
    """One fork of a 1,000-pod world against `copy.deepcopy` of the same data."""
    forking_s, copying_s = fork_against_deepcopy()
    factor = copying_s / forking_s
    measured = f"{factor:,.0f} times faster ({forking_s * 1e6:.0f} us)"
    return Figure("fork against deepcopy, 1,000 pods", measured, f">= {FORK_FACTOR} times", factor / FORK_FACTOR)


def events() -> Figure:
    """Simulated events per second against a bare SimPy callback loop with as many timers."""
    ours, bare, timers = events_against_bare_loop()
    percent = 100 * ours / bare
    measured = f"{percent:.1f} % ({ours:,.0f}/s of {bare:,.0f}/s)"
    promised = f">= {EVENT_SHARE_PERCENT} %"
    return Figure(f"events against a bare loop, {timers:,} timers", measured, promised, percent / EVENT_SHARE_PERCENT)


def prove() -> Figure:
    """The whole proof, start of the interpreter included."""
    return _command(PROVE_S, "prove")


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


ALL = (fork, events, runtime, prove, check)


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
