"""What can go wrong with the agents themselves: a process that dies, a holder that is too slow."""

from __future__ import annotations

from stratus_sim.transaction.journal import MemoryJournal
from stratus_sim.transaction.records import AnyRecord


class Crash(BaseException):
    """The process dies here. Not an Exception: nothing on the way may handle it."""


class CrashingJournal(MemoryJournal):
    """Dies at the `at`-th append, counted from 0: even ones before they are durable, odd ones just after."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at
        self._before = at % 2 == 0

    def append(self, *records: AnyRecord) -> None:
        dies = self._left == 0
        self._left -= 1
        if dies and self._before:
            raise Crash
        super().append(*records)
        if dies:
            raise Crash
