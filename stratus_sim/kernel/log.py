"""What happened: an append-only log that costs nothing to snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One thing that happened: `kind` is a dotted name, `data` is plain JSON."""

    time_us: int
    kind: str
    data: Mapping[str, Any]


class Log(NamedTuple):
    """A linked list from the newest entry back, so that forks share their past."""

    event: Event
    earlier: Log | None
    length: int


def append(log: Log | None, event: Event) -> Log:
    return Log(event, log, log.length + 1 if log else 1)


def since(log: Log | None, length: int) -> list[Event]:
    """The entries after the first `length`, oldest first."""
    return list(_backwards(log, length))[::-1]


def _backwards(log: Log | None, length: int) -> Iterator[Event]:
    while log is not None and log.length > length:
        yield log.event
        log = log.earlier
