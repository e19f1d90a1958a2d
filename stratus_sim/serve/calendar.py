"""Which date a simulated instant has for clients.

Worlds begin with 2025 (`stratus_sim.telemetry.render.timestamp`), so that the same world shows the same bytes. But
programs count ages by their own clock, as `kubectl describe` does: to them the world's present has to be today.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import Json, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

SLACK_S = 3
"""How far the world may fall behind before dates are moved, so that objects keep their dates at speed 1. It is never
ahead: a date in the future has no age."""

_DATED = ("Time", "Timestamp", "At")
"""How the names of fields end in which the server says when something was."""


class Calendar:
    """Dates of a world: its own, or with `clock` (seconds since 1970) such that the world's present is the clock's.

    The clock may be up to `SLACK_S` ahead.
    """

    def __init__(self, world: World, clock: Callable[[], float] | None = None) -> None:
        self._world, self._clock = world, clock
        self._moved_by_s = 0

    def now(self) -> str:
        """The present."""
        return self.dated(timestamp(self._world.now_us))

    def dated(self, instant: str) -> str:
        """The date of an instant as the world tells it, RFC 3339."""
        if self._clock is None:
            return instant
        moved = datetime.fromisoformat(instant) + timedelta(seconds=self.moved_s())
        return moved.isoformat(timespec="seconds").replace("+00:00", "Z")

    def moved_s(self) -> int:
        """How many seconds later than the world's own its dates are."""
        return 0 if self._clock is None else self._behind_s(self._clock)

    def date(self, body: Json) -> Json:
        """An object as this server made it, with the dates the server put into it; what users wrote stays."""
        body["metadata"] = {k: self.dated(v) if _is_date(k, v) else v for k, v in body["metadata"].items()}
        if "status" in body:
            body["status"] = self._date(body["status"])
        return body

    def line(self, text: str) -> str:
        """A line of a log, which may begin with an instant."""
        first, space, rest = text.partition(" ")
        return f"{self.dated(first)} {rest}" if space and first.endswith("Z") and first[:1].isdecimal() else text

    def _date(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._date(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {k: self.dated(v) if _is_date(k, v) else self._date(v) for k, v in node.items()}

    def _behind_s(self, clock: Callable[[], float]) -> int:
        began = datetime.fromisoformat(timestamp(0)).timestamp()
        exactly_s = clock() - began - self._world.now_us / SECOND_US
        if not exactly_s - SLACK_S <= self._moved_by_s <= exactly_s:
            self._moved_by_s = math.floor(exactly_s) - 1
        return self._moved_by_s


def _is_date(name: str, value: Any) -> bool:
    return isinstance(value, str) and name.endswith(_DATED)


def today(world: World) -> Calendar:
    """The world's present is that of this machine's clock."""
    return Calendar(world, time.time)
