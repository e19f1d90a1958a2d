"""Wall-clock time, behind two functions so that tests can put another clock in its place."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """A clock that can be waited on. Times are microseconds since 1970."""

    def now_us(self) -> int:
        """The time."""

    def sleep(self, duration_us: int) -> None:
        """Return when so much time has passed."""


class WallClock:
    """This machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def sleep(self, duration_us: int) -> None:
        time.sleep(duration_us / 1_000_000)


def micro_time(time_us: int) -> str:
    """A MicroTime, as Leases carry it."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_micro_time(text: str) -> int:
    """Microseconds since 1970; 0 for a text that is no time."""
    try:
        passed = datetime.fromisoformat(text) - _EPOCH
    except (ValueError, TypeError):
        return 0
    return passed // timedelta(microseconds=1)
