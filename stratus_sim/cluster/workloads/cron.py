"""Cron schedules: when a CronJob is due.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs ("Schedule syntax"): five fields with lists, ranges,
steps and names, the macros @hourly to @yearly, and day of month OR day of week where both are restricted. UTC only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_HORIZON_DAYS = 8 * 366 + 1
"""Further away than any day that comes at all: 29 February may be eight years off."""


class Schedule(NamedTuple):
    """Allowed values of each field in order; `either` says that one of the two day fields is enough."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def after(self, instant: datetime) -> datetime | None:
        """The first time due strictly after an instant, None if there is none."""
        return next((due for due in self._times(instant, 1) if due > instant), None)

    def before(self, instant: datetime) -> datetime | None:
        """The last time due at or before an instant, None if there is none."""
        return next((due for due in self._times(instant, -1) if due <= instant), None)

    def _times(self, start: datetime, direction: int) -> Iterator[datetime]:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight + timedelta(days=direction * n) for n in range(_HORIZON_DAYS)):
            if self._allows(day):
                times = (
                    day.replace(hour=h, minute=m) for h in self.hours[::direction] for m in self.minutes[::direction]
                )
                yield from times

    def _allows(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


@lru_cache(maxsize=1024)
def parse(text: str) -> Schedule:
    """The schedule a CronJob states.

    Raises:
        ValueError: it is none.
    """
    fields = _MACROS.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"schedule {text!r}: expected five fields, as in '*/5 * * * *', or a macro, as in @hourly")
    minutes, hours, days, months = (
        _values(field, *limits) for field, limits in zip(fields, ((0, 59), (0, 23), (1, 31), (1, 12)), strict=False)
    )
    weekdays = frozenset(day % 7 for day in _values(fields[4], 0, 7))
    either = not any(fields[n].startswith(("*", "?")) for n in (2, 4))
    return Schedule(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either)


def _values(field: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in field.split(",") for value in _part(part, low, high))


def _part(part: str, low: int, high: int) -> Iterable[int]:
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    start = low if first in ("*", "?") else _number(first, part)
    end = _number(last, part) if dash else (high if slash or first in ("*", "?") else start)
    stride = _number(step, part) if slash else 1
    if not low <= start <= end <= high or stride < 1:
        raise ValueError(f"schedule: {part!r}: expected values from {low} to {high}")
    return range(start, end + 1, stride)


def _number(text: str, part: str) -> int:
    named = {**_MONTHS, **_DAYS}.get(text.lower())
    if named is None and not text.isdecimal():
        raise ValueError(f"schedule: {part!r}: expected a number, a name of a month or day, or *")
    return int(text) if named is None else named


def utc(zone: str | None) -> bool:
    """Whether a time zone is UTC, the only one a world has."""
    return zone in (None, "", "UTC", "Etc/UTC") or UTC.tzname(None) == zone
