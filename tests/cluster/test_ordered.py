"""Sorted collections as values: like a sorted list, and a change touches one run only."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster import ordered
from stratus_sim.cluster.ordered import Ordered, entries, insert, remove, size


@given(st.lists(st.integers(0, 60)))
def test_it_is_a_sorted_list_whatever_comes_and_goes(numbers: list[int]) -> None:
    runs: Ordered[int] = ()
    model: set[int] = set()
    with patch.object(ordered, "_LONGEST", 4):
        for number in numbers:
            runs = remove(runs, number) if number in model else insert(runs, number)
            model ^= {number}
            assert list(entries(runs)) == sorted(model)
            assert size(runs) == len(model)
            assert all(0 < len(run) <= 4 for run in runs)


def test_a_change_of_a_large_collection_copies_one_run() -> None:
    runs: Ordered[int] = ()
    for number in range(0, 20_000, 2):
        runs = insert(runs, number)
    grown = insert(runs, 5_001)
    assert len(set(map(id, grown)) - set(map(id, runs))) <= 2
    assert len(runs) > 30
