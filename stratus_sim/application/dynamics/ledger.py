"""What was counted so far: sums of seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from immutables import Map, MapMutation

from stratus_sim.application.dynamics.islands import Island
from stratus_sim.application.dynamics.state import Tally

_K = TypeVar("_K")


class Ledger(msgspec.Struct, frozen=True):
    """Sums of tallies, by `Island.places`."""

    counts: Map[int, tuple[int, ...]] = Map()
    errors: Map[tuple[int, str], int] = Map()
    durations: Map[tuple[int, int], int] = Map()


NOTHING_COUNTED = Ledger()


def book(ledger: Ledger, accounts: Iterable[tuple[Island, Tally, int]]) -> Ledger:
    """The ledger with so many times each tally of an island on top."""
    owed = [account for account in accounts if account[2]]
    if not owed:
        return ledger
    counts, errors, durations = ledger.counts.mutate(), ledger.errors.mutate(), ledger.durations.mutate()
    for island, tally, times in owed:
        for place, fields in zip(island.places, tally.counts, strict=True):
            sums = counts.get(place)
            more = fields if times == 1 else tuple([times * count for count in fields])
            counts[place] = more if sums is None else tuple(map(int.__add__, sums, more))
        _add(errors, island, tally.errors, times)
        _add(durations, island, tally.durations, times)
    return Ledger(counts.finish(), errors.finish(), durations.finish())


def _add(
    sums: MapMutation[tuple[int, _K], int], island: Island, counts: tuple[tuple[tuple[int, _K], int], ...], times: int
) -> None:
    for (place, what), count in counts:
        key = island.places[place], what
        sums[key] = sums.get(key, 0) + times * count
