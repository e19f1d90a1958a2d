"""The harm a dropped guard does: looked for in the shortest runs first, then wherever an honest run meets the step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from stratus_spec import Machine

from ..reachable.decoding import Trace
from .interpretation import USUAL, Interpretation
from .play import Habit
from .recast import Recast, recasts
from .scenes import scenes
from .theatre import Reenactment, Theatre

FEW = 6
"""Scenes in which an offence is tried as a habit."""


def search(weak: Machine, traces: Iterable[Trace] = (), own: Interpretation = USUAL) -> Reenactment | None:
    """A run that does harm, from the first lot of candidates with one that does more than trespass, if there is any.

    `weak` is a machine that lacks a rule, or has one of its own; `own` says what its functions and constants mean.
    """
    trespass = None
    for lot in candidates(weak, traces, own):
        harmful = [found for found in lot if found.harms]
        best = min(harmful, key=lambda found: found.rank, default=None)
        if best is not None and best.beyond_trespass:
            return best
        trespass = trespass or best
    return trespass


def candidates(weak: Machine, traces: Iterable[Trace], own: Interpretation) -> Iterator[Iterable[Reenactment]]:
    """Runs of the weakened machine, each with what it did: shortest runs, crews alone, and crews that are met."""
    cast = [list(lot) for _, lot in itertools.groupby(recasts(traces, own), key=lambda recast: recast.prop)]
    known = [Theatre(weak, scene) for scene in scenes(weak, own)]
    yield from (_told(weak, lot, Habit.ONCE) for lot in cast)
    yield (theatre.alone() for theatre in known)
    yield from _met(known, Habit.ONCE)
    yield from (_told(weak, lot, Habit.ALWAYS) for lot in cast)
    for mode in (Habit.FAIRLY, Habit.ALWAYS):
        yield from _met(known[:FEW], mode)


def _told(weak: Machine, lot: Iterable[Recast], mode: Habit) -> Iterator[Reenactment]:
    for recast in lot:
        yield from Theatre(weak, recast.scene).recast(recast, mode)


def _met(theatres: Iterable[Theatre], mode: Habit) -> Iterator[Iterable[Reenactment]]:
    for theatre in theatres:
        yield from ([found] for found in theatre.met(mode))
