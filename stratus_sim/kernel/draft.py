"""Persistent maps that are read and written as a plain dict between two snapshots.

A persistent map makes a snapshot a reference, but it is slow to look into and slower to change one entry of.
"""

from __future__ import annotations

from typing import TypeVar

from immutables import Map

K = TypeVar("K")
V = TypeVar("V")


class Draft(dict[K, V | None]):
    """A map of values other than None that can be frozen at any time; None is what there is where nothing is.

    As a dict it holds what was read or written since the last `freeze`, and of what is no more, None.
    """

    __slots__ = ("_frozen",)

    def __init__(self, frozen: Map[K, V]) -> None:
        self._frozen = frozen

    def __missing__(self, key: K) -> V | None:
        found = self._frozen.get(key)
        if found is not None:
            self[key] = found
        return found

    def freeze(self) -> Map[K, V]:
        """The map as it is; later writes do not touch it. The same object as before where nothing was written."""
        frozen = self._frozen
        changed = [(key, value) for key, value in self.items() if value is not frozen.get(key)]
        if changed:
            draft = frozen.mutate()
            for key, value in changed:
                if value is None:
                    del draft[key]
                else:
                    draft[key] = value
            self._frozen = draft.finish()
        self.clear()
        return self._frozen
