"""Handlers by name, so that a timer is data and a snapshot can cross a process boundary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Handler = Callable[..., None]
_F = TypeVar("_F", bound=Handler)

HANDLERS: dict[str, Handler] = {}


def handler(name: str) -> Callable[[_F], _F]:
    """Register `function(world, *arguments)` as what a timer called `name` does.

    Raises:
        ValueError: another function already has this name.
    """

    def register(function: _F) -> _F:
        if HANDLERS.setdefault(name, function) is not function:
            raise ValueError(f"two handlers are called {name!r}: rename one")
        return function

    return register
