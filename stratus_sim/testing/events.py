"""The typed events of an episode, one JSON line each: what is recorded, shown and replayed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from stratus_sim.telemetry.severity import Severity
from stratus_sim.world import World

_ENCODER = msgspec.json.Encoder(order="deterministic")


class Recorder:
    """Collects events; each carries the simulated time in microseconds, a kind and plain data."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, **data: Any) -> None:
        self.events.append({"time_us": self._world.now_us, "kind": kind, **data})

    def severity(self, now: Severity, without: Severity) -> None:
        """A sample of the severity as it is and as it would be without the open transaction."""
        self.add("severity", now=now._asdict(), without=without._asdict())


def to_lines(events: Iterable[dict[str, Any]]) -> bytes:
    """JSON lines with sorted keys: the same events give the same bytes."""
    return b"".join(_ENCODER.encode(event) + b"\n" for event in events)


def chained(events: Iterable[dict[str, Any]]) -> bytes:
    """`to_lines`, each line with a `link` to all before it: a line that is dropped, moved or edited shows.

    It shows accidents and clumsy hands; who can write the file can also write new links.
    """
    link, lines = "", []
    for event in events:
        link = linked(link, event)
        lines.append({**event, "link": link})
    return to_lines(lines)


def linked(before: str, event: dict[str, Any]) -> str:
    """The link of an event that follows the line with the link `before`."""
    return hashlib.sha256(before.encode() + _ENCODER.encode(event)).hexdigest()[:16]
