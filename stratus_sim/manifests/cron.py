"""Cron schedules: when a CronJob is due.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs ("Schedule syntax", "Time zones") and
github.com/robfig/cron/v3, by which the controller reads and reckons: five fields with lists, ranges, steps and names,
the macros @hourly to @yearly and @every, and day of month OR day of week where both are restricted. A time that the
clocks of a zone skip is not due, one that they show twice is due twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
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
_LIMITS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTHS), (0, 6, _DAYS),
)  # fmt: skip
_HORIZON_YEARS = 5
_EVERY, _DURATION = "@every ", re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class Schedule(NamedTuple):
    """Allowed values of each field in order; `either` says that one of the two day fields is enough."""

    minutes: tuple[int, ...]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def after(self, instant: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first time due strictly after an instant by the clocks of a zone, in UTC; None if there is none soon."""
        return next((due for due in self._times(instant.astimezone(zone), zone) if due > instant), None)

    def _times(self, at: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Times due from the minute of `at` on, in the order in which they come."""
        last = at.year + _HORIZON_YEARS
        while at.year <= last:
            if at.month not in self.months:
                at = _midnight(at.year + at.month // 12, at.month % 12 + 1, 1, zone)
            elif not self._allows(at):
                tomorrow = at.date() + timedelta(days=1)
                at = _midnight(tomorrow.year, tomorrow.month, tomorrow.day, zone)
            else:
                if at.hour in self.hours:
                    yield from (_utc(at, minute) for minute in self.minutes if minute >= at.minute)
                at = (_utc(at, at.minute) + timedelta(minutes=60 - at.minute)).astimezone(zone)

    def _allows(self, day: datetime) -> bool:
        of_month, of_week = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


class Every(NamedTuple):
    """Due again and again, so many seconds after the time before."""

    seconds: int

    def after(self, instant: datetime, _zone: tzinfo = UTC) -> datetime:
        return instant.replace(microsecond=0) + timedelta(seconds=self.seconds)


class Missed(NamedTuple):
    """The latest time due that is over, None where none is, and about how many there were since the earliest."""

    latest: datetime | None
    times: int


def missed(schedule: Schedule | Every, zone: tzinfo, earliest: datetime, now: datetime) -> Missed:
    """The times due after `earliest` that are over `now`, counted as if the first two were as far apart as all others.

    Raises:
        ValueError: it is never due.
    """
    first = schedule.after(earliest, zone)
    if first is not None and now < first:
        return Missed(None, 0)
    second = schedule.after(first, zone) if first is not None else None
    if first is None or second is None:
        raise ValueError("time difference between two schedules is less than 1 second")
    if now < second:
        return Missed(first, 1)
    apart = second - first
    count = (now - first) // apart + 1
    latest, following = None, schedule.after(first + (count - 2) * apart, zone)
    while following is not None and following <= now:
        latest, following = following, schedule.after(following, zone)
    return Missed(latest, count)


def _midnight(year: int, month: int, day: int, zone: tzinfo) -> datetime:
    """When a day begins: later than at midnight where the clocks skip that."""
    return datetime(year, month, day, tzinfo=zone).astimezone(UTC).astimezone(zone)


def _utc(at: datetime, minute: int) -> datetime:
    return at.replace(minute=minute, second=0, microsecond=0).astimezone(UTC)


@lru_cache(maxsize=1024)
def parse(text: str) -> Schedule | Every:
    """The schedule a CronJob states.

    Raises:
        ValueError: it is none.
    """
    if text.startswith(_EVERY):
        return Every(_seconds(text.removeprefix(_EVERY)))
    fields = _MACROS.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = (
        frozenset(value for part in _parts(field) for value in _values(part, *limits))
        for field, limits in zip(fields, _LIMITS, strict=True)
    )
    either = not any(_starred(part) for field in (fields[2], fields[4]) for part in _parts(field))
    return Schedule(tuple(sorted(minutes)), hours, days, months, weekdays, either)


def _parts(field: str) -> list[str]:
    return [part for part in field.split(",") if part]


def _starred(part: str) -> bool:
    """Whether a part leaves its field open: with a step it does not."""
    return part[:1] in ("*", "?") and part.partition("/")[2] in ("", "1")


def _values(part: str, low: int, high: int, names: dict[str, int]) -> Iterable[int]:
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    star = first in ("*", "?")
    start = low if star else _number(first, names)
    end = high if star or (slash and not dash) else _number(last, names) if dash else start
    stride = _number(step, {}) if slash else 1
    if start < low:
        raise ValueError(f"beginning of range ({start}) below minimum ({low}): {part}")
    if end > high:
        raise ValueError(f"end of range ({end}) above maximum ({high}): {part}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    if stride < 1:
        raise ValueError(f"step of range should be a positive number: {part}")
    return range(start, end + 1, stride)


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _seconds(text: str) -> int:
    """A duration as Go writes it, in whole seconds, at least one."""
    found = list(_DURATION.finditer(text))
    joined = all(one.end() == other.start() for one, other in pairwise(found))
    if not found or not joined or (found[0].start(), found[-1].end()) != (0, len(text)):
        raise ValueError(f'failed to parse duration @every {text}: time: invalid duration "{text}"')
    return max(1, int(sum(float(one[1]) * _SECONDS[one[2]] for one in found)))
