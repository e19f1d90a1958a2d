"""What was counted so far: sums of seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from immutables import Map, MapMutation

from stratus_sim.application.dynamics.state import Tally

_K = TypeVar("_K")


class Ledger(msgspec.Struct, frozen=True):
    """Sums of tallies, by the same places as these."""

    counts: Map[int, tuple[int, ...]] = Map()
    errors: Map[tuple[int, str], int] = Map()
    durations: Map[tuple[int, int], int] = Map()


NOTHING_COUNTED = Ledger()


def book(ledger: Ledger, accounts: Iterable[tuple[Tally, int]]) -> Ledger:
    """The ledger with so many times each tally on top."""
    owed = [account for account in accounts if account[1]]
    if not owed:
        return ledger
    counts, errors, durations = ledger.counts.mutate(), ledger.errors.mutate(), ledger.durations.mutate()
    for tally, times in owed:
        for place, fields in tally.counts:
            sums = counts.get(place)
            more = fields if times == 1 else tuple([times * count for count in fields])
            counts[place] = more if sums is None else tuple(map(int.__add__, sums, more))
        _add(errors, tally.errors, times)
        _add(durations, tally.durations, times)
    return Ledger(counts.finish(), errors.finish(), durations.finish())


def _add(sums: MapMutation[_K, int], counts: tuple[tuple[_K, int], ...], times: int) -> None:
    for key, count in counts:
        sums[key] = sums.get(key, 0) + times * count
