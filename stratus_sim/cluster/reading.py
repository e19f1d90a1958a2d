"""What is read off manifests and specs once: pods of a template share theirs, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

S = TypeVar("S")
T = TypeVar("T")
P = ParamSpec("P")
_MOST = 1 << 14
"""Readings that are remembered before all are forgotten: more than a cluster has templates."""


def once(read: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Ask `read` once for each object and whatever else it is given, all of which nobody changes.

    The same object has the same reading; an equal one is read again.
    """
    known: dict[Any, tuple[S, T]] = {}

    @wraps(read)
    def ask(thing: S, /, *rest: P.args, **named: P.kwargs) -> T:
        found = known.get((id(thing), rest))
        if found is None:
            if len(known) >= _MOST:
                known.clear()
            found = known[id(thing), rest] = thing, read(thing, *rest, **named)  # kept, so that its id stays its own
        return found[1]

    return ask
