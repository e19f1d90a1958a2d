"""Persistent maps that are written in place between two snapshots.

A write to a persistent map copies the nodes on its path, and with them the reference counts of all their entries:
in a large world these are cache misses. Nodes made since the last snapshot are shared with nobody and need no copy.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from immutables import Map, MapMutation

K = TypeVar("K")
V = TypeVar("V")


class Draft(Generic[K, V]):
    """A map that can be frozen at any time for the price of a reference.

    `now` is for reading (`get`, `[]`, `in`, `len`); it is another object after each `freeze`.
    """

    __slots__ = ("_open", "now")

    def __init__(self, frozen: Map[K, V]) -> None:
        self.now: Map[K, V] | MapMutation[K, V] = frozen
        self._open: MapMutation[K, V] | None = None

    def set(self, key: K, value: V) -> None:
        draft = self._begin() if self._open is None else self._open
        draft[key] = value

    def delete(self, key: K) -> None:
        """Raises KeyError where there is none."""
        draft = self._begin() if self._open is None else self._open
        del draft[key]

    def freeze(self) -> Map[K, V]:
        """The map as it is; later writes do not touch it."""
        if self._open is not None:
            self.now, self._open = self._open.finish(), None
        assert isinstance(self.now, Map)  # noqa: S101  # nothing is open
        return self.now

    def _begin(self) -> MapMutation[K, V]:
        assert isinstance(self.now, Map)  # noqa: S101  # nothing is open
        self.now = self._open = self.now.mutate()
        return self._open
