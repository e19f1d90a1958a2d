"""Where the world's clock stands in the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
"""The instant at which every world begins."""


def moment(time_us: int) -> datetime:
    """The date and time (UTC) of an instant in microseconds since the world began."""
    return EPOCH + timedelta(microseconds=time_us)


def instant_us(when: datetime) -> int:
    """Microseconds since the world began, negative before it."""
    return (when - EPOCH) // timedelta(microseconds=1)
