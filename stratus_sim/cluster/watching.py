"""Watches: who is told of which changes of which objects.

A controller names what it reads, as informers' predicates do: a change of anything else costs it nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from stratus_sim.cluster.objects import Resource

Watcher = Callable[[Any, Resource | None, Resource | None], None]
_W = TypeVar("_W", bound=Watcher)

WRITTEN, STATUS, NODE, READY, ENDED, LEAVING = 1, 2, 4, 8, 16, 32
"""What a change is about, as bits: its manifest or owner; its status; of a Pod its node, whether it is ready, and
whether it has ended for good; whether the object is on its way out."""
STANDING = READY | ENDED | LEAVING
"""What a Pod counts for with its owner."""
ANY = -1
REMOVALS = "*"
"""What to watch instead of a kind to hear of every object that is gone, whatever it was."""


class _Watch(NamedTuple):
    call: Watcher
    of: int
    owner: str


_WATCHES: dict[str, list[_Watch]] = {}


class _Audiences(dict[tuple[str, str, int], tuple[Watcher, ...]]):
    """Watchers in order of registration, by kind, kind of the owner ("" without one) and what a change is about."""

    def __missing__(self, key: tuple[str, str, int]) -> tuple[Watcher, ...]:
        kind, owner, about = key
        self[key] = found = tuple(w.call for w in _WATCHES.get(kind, ()) if w.of & about and w.owner in ("", owner))
        return found


AUDIENCES = _Audiences()


def watches(*kinds: str, of: int = ANY, owner: str = "") -> Callable[[_W], _W]:
    """Call `function(world, old, new)` after every change of an object of these kinds.

    `old` is None for a creation, `new` for a deletion; of objects that stay only changes `of` these things are told.
    With `owner` only objects that one of this kind owns matter.
    """

    def register(function: _W) -> _W:
        for kind in kinds:
            _WATCHES.setdefault(kind, []).append(_Watch(function, of, owner))
        AUDIENCES.clear()
        return function

    return register
