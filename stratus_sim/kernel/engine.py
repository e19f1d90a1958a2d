"""SimPy fires the timers; the timers themselves are data.

The SimPy environment holds nothing that is not also in `KernelState`: it is thrown away and rebuilt from the
pending timers whenever a world is forked, restored or sent to another process. It is given only the timers of the slot
that has begun, and one event to begin the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from operator import itemgetter
from typing import Any

from immutables import Map
from simpy import Environment
from simpy.events import NORMAL, URGENT, Event, EventPriority

from stratus_sim.kernel import collector
from stratus_sim.kernel import log as logs
from stratus_sim.kernel.agenda import Agenda, Slots
from stratus_sim.kernel.draft import Draft
from stratus_sim.kernel.registry import HANDLERS
from stratus_sim.kernel.streams import draw_bits, uniform
from stratus_sim.kernel.timers import Timer

Mark = tuple[str, Any]
"""A work queue and an item on it; the queue without a name has the timers that are due at the instant they were set."""


@dataclass(slots=True)
class KernelState:
    """Everything the kernel knows.

    `now_us` counts microseconds since the world began; `draws` counts the numbers taken per stream. `slots` are the
    timers by the slot they are due in. `queued` are the work queues, (queue, item) to sequence: what is due now.
    """

    seed: int = 0
    now_us: int = 0
    sequence: int = 0
    fired: int = 0
    slots: Slots = Map()
    draws: Map[tuple[str, str], int] = Map()
    queued: dict[Mark, int] = field(default_factory=dict)
    log: logs.Log | None = None

    @property
    def timers(self) -> dict[int, Timer]:
        """The pending timers by sequence, in order of it."""
        pending = sorted((timer.sequence, timer) for timers in self.slots.values() for timer in timers)
        return dict(pending)

    def copy(self) -> KernelState:
        """A snapshot: of immutable values, and of work queues that are empty but in the midst of an instant."""
        return replace(self, queued=self.queued.copy())


class _Call(Event):
    """An event of SimPy with one callback, which takes what it is about from `_value`."""

    __slots__ = ("_value", "callbacks")
    _ok = True

    def __init__(
        self,
        engine: Environment,
        delay_us: int,
        callbacks: tuple[Callable[[Any], None]],
        value: Any = None,
        priority: EventPriority = NORMAL,
    ) -> None:
        self.callbacks = callbacks  # type: ignore[assignment]  # SimPy only walks over them
        self._value = value
        engine.schedule(self, priority, delay_us)


_LATER, _LAST = EventPriority(2), EventPriority(3)
"""Priorities of what has become due within an instant and of what ends a run: SimPy fires equal times in order of
priority, and timers, which were set before the instant, have NORMAL, which is 1."""


class Kernel:
    """A clock with timers, work queues, named random streams and a log."""

    def __init__(self, state: KernelState) -> None:
        self._state = state
        self._agenda = Agenda(state.slots)
        self._present = self._agenda.present
        self._draws = Draft(state.draws)
        self._queued = state.queued
        self.now_us, self._sequence, self._fired = state.now_us, state.sequence, state.fired
        self._engine: Environment | None = None
        self._due: deque[Mark] = deque()
        self._attended = self._stepping = False
        self._awaited: list[float] = [inf]
        self._fires, self._works, self._turns = (self._fire,), (self._work,), (self._turn,)

    @property
    def kernel(self) -> KernelState:
        """What a snapshot of the kernel is taken of; ask again after a change, its values stay as they are."""
        state = self._state
        state.now_us, state.sequence, state.fired = self.now_us, self._sequence, self._fired
        state.slots, state.draws = self._agenda.freeze(), self._draws.freeze()
        return state

    def schedule(self, delay_us: int, handler: str, *arguments: Any) -> Timer:
        """Call `handler(world, *arguments)` after `delay_us` microseconds; return what `cancel` takes."""
        self._sequence = sequence = self._sequence + 1
        due_us = self.now_us + delay_us
        timer = Timer(due_us, sequence, handler, arguments)
        begun, engine = self._agenda.add(timer), self._engine
        if engine is None:
            return timer
        if not delay_us:
            self._due.append(("", timer))
            if not self._attended:
                self._look()
        elif begun:
            _Call(engine, delay_us, self._fires, timer)
        elif due_us < self._awaited[-1]:
            self._await_turn(engine)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget a timer. One that has fired or was cancelled already is no error."""
        self._agenda.discard(timer)

    def enqueue(self, queue: str, item: Any) -> None:
        """Put `item` on a work queue unless it waits there already, as a controller's work queue does.

        The handler named `queue` gets the item within the same microsecond.
        """
        mark, sequence = (queue, item), self._sequence + 1
        if self._queued.setdefault(mark, sequence) == sequence:
            self._sequence = sequence
            self._due.append(mark)
            if not self._attended:
                self._look()

    def draw(self, entity: str, purpose: str, low: int, high: int) -> int:
        """The next integer in [low, high] of the stream (entity, purpose)."""
        stream = (entity, purpose)
        index = self._draws[stream] or 0
        self._draws[stream] = index + 1
        return uniform(draw_bits(self._state.seed, entity, purpose, index), low, high)

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append to the log of what happened."""
        self._state.log = logs.append(self._state.log, logs.Event(self.now_us, kind, data))

    def run_until(self, time_us: int) -> None:
        """Fire every timer due up to and including `time_us`, then set the clock to it; nothing for a past time."""
        if time_us < self.now_us:
            return
        engine = self._engine or self._rebuild()
        end = Event(engine)
        end._ok, end._value = True, None
        engine.schedule(end, _LAST, time_us - self.now_us)
        try:
            with collector.still():
                engine.run(end)
        except BaseException:
            self._engine = None  # the end of this run is still in there and would end a later one
            raise
        self.now_us = time_us
        self._agenda.begin(time_us)

    def run_for(self, duration_us: int) -> None:
        self.run_until(self.now_us + duration_us)

    def step(self) -> bool:
        """Fire the next timer, or work on the item that is queued before it; False when nothing is pending."""
        engine, fired = self._engine or self._rebuild(), self._fired
        self._stepping = True
        try:
            while (self._agenda or self._queued) and self._fired == fired:
                engine.step()
        except BaseException:
            self._engine = None  # what was due after what has failed is no longer in there
            raise
        finally:
            self._stepping = False
        if self._fired == fired:
            self._engine = None  # SimPy's clock may have gone on to what was cancelled
        return self._fired != fired

    def _rebuild(self) -> Environment:
        now_us = self.now_us
        self._engine = engine = Environment(initial_time=now_us)
        self._awaited = [inf]
        self._agenda.begin(now_us)
        timers = sorted(self._agenda.present.values())
        due: list[tuple[int, Mark]] = [(t.sequence, ("", t)) for t in timers if t.due_us <= now_us]
        for timer in timers[len(due) :]:
            _Call(engine, timer.due_us - now_us, self._fires, timer)
        due += [(sequence, mark) for mark, sequence in self._queued.items()]
        self._due = deque(entry for _, entry in sorted(due, key=itemgetter(0)))
        self._await_turn(engine)
        self._look()
        return engine

    def _await_turn(self, engine: Environment) -> None:
        """Have the first slot that waits begun in time; one that was the first before it is awaited still."""
        next_us = self._agenda.next_us
        if next_us is not None and next_us < self._awaited[-1]:
            self._awaited.append(next_us)
            _Call(engine, next_us - int(engine.now), self._turns, next_us, URGENT)

    def _turn(self, event: _Call) -> None:
        """Begin a slot: its timers are due within a second."""
        engine, now_us = self._engine, event._value
        assert engine is not None  # noqa: S101  # it has just fired this
        self._awaited.pop()
        for timer in self._agenda.begin(now_us):
            _Call(engine, timer.due_us - now_us, self._fires, timer)
        self._await_turn(engine)

    def _look(self) -> None:
        """Have what has become due within this instant done, after the timers that were set before."""
        self._attended = bool(self._due)
        if self._due and self._engine is not None:
            _Call(self._engine, 0, self._works, None, _LATER)

    def _fire(self, event: _Call) -> None:
        awaited, timer = self._attended, event._value
        self._attended = True
        if self._present.pop(timer.sequence, None) is not None:  # else it was cancelled
            self.now_us = timer.due_us
            self._fired += 1
            HANDLERS[timer.handler](self, *timer.arguments)
        if awaited:
            return
        if not self._due:
            self._attended = False
        elif not self._stepping and self._engine.peek() > self.now_us:  # type: ignore[union-attr]
            self._work(event)  # no other timer is due: this saves SimPy an event
        else:
            self._look()

    def _work(self, _event: _Call) -> None:
        """Fire timers of this instant, and take items off their queues: a change made meanwhile queues them again."""
        due, queued = self._due, self._queued
        while due:
            mark = due.popleft()
            queue, item = mark
            if queue:
                del queued[mark]
                self._fired += 1
                HANDLERS[queue](self, item)
            elif self._present.pop(item.sequence, None) is not None:  # else it was cancelled
                self._fired += 1
                HANDLERS[item.handler](self, *item.arguments)
            if self._stepping:
                self._look()
                return
        self._attended = False
