"""Sorted collections as values, for indexes of any size: a change copies one run of entries, not all of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeVar

T = TypeVar("T")
Ordered = tuple[tuple[T, ...], ...]
"""Entries in ascending order, cut into runs; no run is empty."""

_LONGEST = 256


def insert(runs: Ordered[Any], entry: Any) -> Ordered[Any]:
    """The collection with `entry`, which is not in it yet."""
    if not runs:
        return ((entry,),)
    at = min(_run(runs, entry), len(runs) - 1)
    run = runs[at]
    place = bisect_left(run, entry)
    grown = (*run[:place], entry, *run[place:])
    half = len(grown) // 2
    pieces = (grown,) if len(grown) <= _LONGEST else (grown[:half], grown[half:])
    return (*runs[:at], *pieces, *runs[at + 1 :])


def remove(runs: Ordered[Any], entry: Any) -> Ordered[Any]:
    """The collection without `entry`, which is in it."""
    at = _run(runs, entry)
    place = bisect_left(runs[at], entry)
    rest = runs[at][:place] + runs[at][place + 1 :]
    return (*runs[:at], rest, *runs[at + 1 :]) if rest else runs[:at] + runs[at + 1 :]


def entries(runs: Ordered[T]) -> Iterator[T]:
    """All entries in ascending order."""
    return chain.from_iterable(runs)


def since(runs: Ordered[Any], entry: Any) -> Iterator[Any]:
    """The entries from `entry` on, in ascending order."""
    at = _run(runs, entry)
    if at < len(runs):
        yield from runs[at][bisect_left(runs[at], entry) :]
        yield from chain.from_iterable(runs[at + 1 :])


def size(runs: Ordered[Any]) -> int:
    return sum(map(len, runs))


def _run(runs: Ordered[Any], entry: Any) -> int:
    """The number of the first run that does not end before `entry`."""
    return bisect_left(runs, entry, key=_last) if len(runs) > 1 else 0


def _last(run: tuple[Any, ...]) -> Any:
    return run[-1]
