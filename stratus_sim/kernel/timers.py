"""Timers as data: what will happen, when, and in which order among equals."""

from __future__ import annotations

from typing import Any

import msgspec

SECOND_US = 1_000_000
MILLISECOND_US = 1_000


class Timer(msgspec.Struct, frozen=True, order=True, gc=False):
    """A pending call of a registered handler.

    Timers due at the same microsecond fire in the order in which they were scheduled (`sequence`).
    """

    due_us: int
    sequence: int
    handler: str
    arguments: tuple[Any, ...]
