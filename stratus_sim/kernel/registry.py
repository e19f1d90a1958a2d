"""Handlers by name, so that a timer is data and a snapshot can cross a process boundary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stratus_sim.errors import UserError

Handler = Callable[..., None]
_F = TypeVar("_F", bound=Handler)


class _Handlers(dict[str, Handler]):
    def __missing__(self, name: str) -> Handler:
        raise UserError(f"nothing is registered as {name!r}: load the extension this world was made with (--with FILE)")


HANDLERS = _Handlers()


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
