"""Necessity: without an assumption, the shortest runs on which what it protects breaks."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from stratus_spec import ANY, Property, Specification
from stratus_spec.properties.vocabulary import COMMITTED, SENT, WRITTEN

from ..holding import holding
from ..theorems import HEADLINES
from .bounded import BOUND, along, deepening
from .decoding import Trace

_LATE = (*SENT, "crash", "take_over", "pop", "abort", "again", "acquire", "begin")
GUIDES = (
    (*COMMITTED, "again", *COMMITTED[2:]),
    (*_LATE, "submit", "approve", "land"),
    (*_LATE, "act", "journal", "send", "land"),
    (*WRITTEN, "send", "land", "complete", "submit", "approve", "commit", "land"),
    (*WRITTEN, "journal", "send", "land", "complete", "submit", "approve", "restore"),
)
"""Paths tried for what no run within the bound breaks: two commits in turn, a request that lands in a later
transaction, one that lands twice, and undo after the decision."""
BEYOND = 5
"""How many steps after the last property that fails by itself the search goes on for a headline that fails with it."""


@dataclass(frozen=True)
class Necessity:
    """What breaks on runs from an initial state.

    `traces` has a shortest run for every property broken within `bound` steps; `unreached` names the properties whose
    induction fails but which no run of at most `bound` steps in scope breaks. `guided` have a run along one of GUIDES
    all the same, which need not be a shortest one.
    """

    traces: dict[str, Trace]
    unreached: tuple[str, ...]
    bound: int
    guided: dict[str, Trace] = field(default_factory=dict)


def search(specification: Specification, failing: Collection[str], bound: int = BOUND) -> Necessity:
    """Runs of a (weakened) specification that break the properties whose induction fails, and what hurts with them."""
    traces: dict[str, Trace] = {}
    for setting in (ANY, *specification.settings):
        wanted = {p.name for p in specification.claimed(setting)} & set(failing)
        if wanted:
            traces |= _until(specification, setting, wanted, bound)
    left = [name for name in sorted(failing) if name not in traces]
    guided = _guided(specification, left)
    return Necessity(traces, tuple(name for name in left if name not in guided), bound, guided)


def _guided(specification: Specification, names: Collection[str]) -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    for setting, path in itertools.product((ANY, *specification.settings), GUIDES):
        machine = specification.subject(setting)
        wanted = [p for p in specification.claimed(setting) if p.name in names and p.name not in found]
        if wanted and set(path) <= set(machine.transition):
            found |= along(machine, tuple(wanted), path)
    return found


def _until(specification: Specification, setting: str, wanted: set[str], bound: int) -> dict[str, Trace]:
    """Search until all wanted are broken, and `BEYOND` for a headline."""
    found: dict[str, Trace] = {}
    last, doubtful = bound, {p.name for p in _doubtful(specification, setting)}
    for depth, traces in enumerate(_deepening(specification, setting, bound)):
        found |= {trace.prop: trace for trace in traces}
        if found.keys() >= wanted:
            last = min(last, depth + BEYOND)
            if depth >= last or found.keys() >= doubtful or any(name in found for name in HEADLINES):
                break
    return found


def _deepening(specification: Specification, setting: str, bound: int) -> Iterator[list[Trace]]:
    """Shortest runs for what is claimed in a setting; what induction proves all the same is known and not asked."""
    doubtful = _doubtful(specification, setting)
    known = [p for p in specification.claimed(ANY) if p.name in holding(specification).kept]
    return deepening(specification.subject(setting), doubtful, bound, known)


def _doubtful(specification: Specification, setting: str) -> list[Property]:
    return [p for p in specification.claimed(setting) if p.name not in holding(specification).kept]


def hurting(specification: Specification, bound: int = BOUND) -> Trace | None:
    """A shortest run of the machine that breaks a headline, or None if no run of up to `bound` steps in scope does."""
    for traces in _deepening(specification, ANY, bound):
        hits = [trace for trace in traces if trace.prop in HEADLINES]
        if hits:
            return min(hits, key=lambda trace: HEADLINES.index(trace.prop))
    return None
