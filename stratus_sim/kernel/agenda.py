"""What is still to happen, in slots of an eighth of a second, so that only what is due soon has to be in order.

A calendar queue (R. Brown, "Calendar Queues", CACM 31(10), 1988). SimPy holds the timers of the slots that have begun;
all others are plain data that forks share. A fork puts only the slot it is in into order, however many there are.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from immutables import Map

from stratus_sim.kernel.timers import Timer

_SLOT_BITS = 17

Slots = Map[int, tuple[Timer, ...]]
"""Timers by slot of 2**17 microseconds, each in order of sequence; no slot is empty."""


class Agenda:
    """Pending timers: `present` has those of slots that have begun, by sequence; the others wait in their slots."""

    __slots__ = ("_added", "_begun", "_kept", "_waiting", "present")

    def __init__(self, slots: Slots) -> None:
        self.present: dict[int, Timer] = {}
        self._begun = -1
        self._kept = slots
        self._added: dict[int, list[Timer]] = {}  # since the last snapshot, to be put behind what is kept
        self._waiting = list(slots)
        heapify(self._waiting)

    def __bool__(self) -> bool:
        return bool(self.present or self._waiting)

    def add(self, timer: Timer) -> bool:
        """Keep a timer, whose sequence is the highest so far; True where its slot has begun."""
        slot = timer.due_us >> _SLOT_BITS
        if slot <= self._begun:
            self.present[timer.sequence] = timer
            return True
        added = self._added.get(slot)
        if added is None:
            self._added[slot] = added = []
            if slot not in self._kept:
                heappush(self._waiting, slot)
        added.append(timer)
        return False

    def discard(self, timer: Timer) -> None:
        """Forget a timer, which may be gone already."""
        self.present.pop(timer.sequence, None)
        slot = timer.due_us >> _SLOT_BITS
        if timer in self._kept.get(slot, ()) or timer in self._added.get(slot, ()):
            self._added[slot] = [other for other in self._take(slot) if other != timer]

    @property
    def next_us(self) -> int | None:
        """When the first waiting slot begins; None where none waits."""
        return self._waiting[0] << _SLOT_BITS if self._waiting else None

    def begin(self, now_us: int) -> list[Timer]:
        """Begin every slot up to the one of `now_us`; their timers, those of one instant in the order they fire in."""
        begun: list[Timer] = []
        self._begun = max(self._begun, now_us >> _SLOT_BITS)
        while self._waiting and self._waiting[0] <= self._begun:
            begun += self._take(heappop(self._waiting))
        self.present.update((timer.sequence, timer) for timer in begun)
        return begun

    def freeze(self) -> Slots:
        """Everything pending as a value; later changes do not touch it."""
        grown = {slot: (*self._kept.get(slot, ()), *added) for slot, added in self._added.items() if added}
        self._kept = self._kept.update(grown) if grown else self._kept
        self._added = {}
        return self._kept.update(_by_slot(self.present)) if self.present else self._kept

    def _take(self, slot: int) -> tuple[Timer, ...]:
        kept = self._kept.get(slot, ())
        if kept:
            self._kept = self._kept.delete(slot)
        return (*kept, *self._added.pop(slot, ()))


def _by_slot(present: dict[int, Timer]) -> dict[int, tuple[Timer, ...]]:
    slots: dict[int, list[Timer]] = {}
    for timer in present.values():  # within a slot they came in order of sequence
        slots.setdefault(timer.due_us >> _SLOT_BITS, []).append(timer)
    return {slot: tuple(timers) for slot, timers in slots.items()}
