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

    __slots__ = ("_frozen", "now")

    def __init__(self, frozen: Map[K, V]) -> None:
        self._frozen: Map[K, V] | None = frozen
        self.now: MapMutation[K, V] = frozen.mutate()

    def set(self, key: K, value: V) -> None:
        self._frozen = None
        self.now[key] = value

    def delete(self, key: K) -> None:
        """Raises KeyError where there is none."""
        self._frozen = None
        del self.now[key]

    def freeze(self) -> Map[K, V]:
        """The map as it is; later writes do not touch it. The same object as before where nothing was written."""
        frozen = self._frozen
        if frozen is None:
            self._frozen = frozen = self.now.finish()
            self.now = frozen.mutate()
        return frozen
