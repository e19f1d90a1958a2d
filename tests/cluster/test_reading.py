"""A reading is made once for each object, and forgotten before there are too many."""

from __future__ import annotations

import gc
from typing import Any
from weakref import finalize

import pytest

from stratus_sim.cluster import reading


class Thing:
    """Something equal to all others of its kind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)

    __hash__ = None  # type: ignore[assignment]


def test_each_object_is_read_once_with_whatever_else_is_given() -> None:
    asked: list[tuple[Any, ...]] = []

    @reading.once
    def read(thing: Thing, name: str) -> int:
        asked.append((thing, name))
        return len(asked)

    one, two = Thing(), Thing()
    assert [read(one, "a"), read(two, "a"), read(one, "b"), read(one, "a"), read(two, "a")] == [1, 2, 3, 1, 2]
    assert len(asked) == 3


def test_what_is_read_lives_as_long_as_its_reading_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST", 2)
    gone: list[int] = []

    @reading.once
    def read(thing: Thing) -> int:
        return 0

    for number in range(5):
        thing = Thing()
        finalize(thing, gone.append, number)
        read(thing)
        del thing
        gc.collect()
        assert len(gone) == number - number % 2
