"""SimPy fires the timers; the timers themselves are data.

The SimPy environment holds nothing that is not also in `KernelState`: it is thrown away and rebuilt from the
pending timers whenever a world is forked, restored or sent to another process. It is given only the timers of the slot
that has begun, and one event to begin the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from operator import itemgetter
from typing import Any

from immutables import Map
from simpy import Environment
from simpy.events import NORMAL, URGENT, Event, EventPriority

from stratus_sim.kernel import log as logs
from stratus_sim.kernel.agenda import Agenda, Slots
from stratus_sim.kernel.draft import Draft
from stratus_sim.kernel.registry import HANDLERS
from stratus_sim.kernel.streams import draw_bits, uniform
from stratus_sim.kernel.timers import Timer

Mark = tuple[str, Any]
"""A work queue and an item on it."""


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


_AFTER_ALL = EventPriority(2)
"""Priority of what ends a run: SimPy fires equal times in order of priority, and timers have NORMAL, which is 1."""


class Kernel:
    """A clock with timers, work queues, named random streams and a log."""

    def __init__(self, state: KernelState) -> None:
        self._state = state
        self._agenda = Agenda(state.slots)
        self._draws = Draft(state.draws)
        self._engine: Environment | None = None
        self._batch: list[Mark] | None = None
        self._turn_us: float = inf
        self._fires, self._works, self._turns = (self._fire,), (self._work,), (self._turn,)

    @property
    def kernel(self) -> KernelState:
        """What a snapshot of the kernel is taken of; ask again after a change, its `slots` stay as they are."""
        self._state.slots = self._agenda.freeze()
        self._state.draws = self._draws.freeze()
        return self._state

    @property
    def now_us(self) -> int:
        return self._state.now_us

    def schedule(self, delay_us: int, handler: str, *arguments: Any) -> Timer:
        """Call `handler(world, *arguments)` after `delay_us` microseconds; return what `cancel` takes."""
        state = self._state
        state.sequence = sequence = state.sequence + 1
        timer = Timer(state.now_us + delay_us, sequence, handler, arguments)
        begun, engine = self._agenda.add(timer), self._engine
        if engine is not None:
            if begun:
                _Call(engine, delay_us, self._fires, timer)
            else:
                self._await_turn(engine)
            if not delay_us:
                self._batch = None  # what is queued from now on comes after this timer
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget a timer. One that has fired or was cancelled already is no error."""
        self._agenda.discard(timer)

    def enqueue(self, queue: str, item: Any) -> None:
        """Put `item` on a work queue unless it waits there already, as a controller's work queue does.

        The handler named `queue` gets the item within the same microsecond.
        """
        state, mark = self._state, (queue, item)
        sequence = state.sequence + 1
        if state.queued.setdefault(mark, sequence) != sequence:
            return
        state.sequence = sequence
        if self._engine is None:
            return
        if self._batch is None:
            self._batch = []
            _Call(self._engine, 0, self._works, self._batch)
        self._batch.append(mark)

    def draw(self, entity: str, purpose: str, low: int, high: int) -> int:
        """The next integer in [low, high] of the stream (entity, purpose)."""
        stream = (entity, purpose)
        index = self._draws.now.get(stream, 0)
        self._draws.set(stream, index + 1)
        return uniform(draw_bits(self._state.seed, entity, purpose, index), low, high)

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append to the log of what happened."""
        self._state.log = logs.append(self._state.log, logs.Event(self.now_us, kind, data))

    def run_until(self, time_us: int) -> None:
        """Fire every timer due up to and including `time_us`, then set the clock to it; nothing for a past time."""
        if time_us < self._state.now_us:
            return
        engine = self._engine or self._rebuild()
        end = Event(engine)
        end._ok, end._value = True, None
        engine.schedule(end, _AFTER_ALL, time_us - self._state.now_us)
        try:
            engine.run(end)
        except BaseException:
            self._engine = None  # the end of this run is still in there and would end a later one
            raise
        self._state.now_us = time_us
        self._agenda.begin(time_us)

    def run_for(self, duration_us: int) -> None:
        self.run_until(self.now_us + duration_us)

    def step(self) -> bool:
        """Fire the next timer, or work off what is queued before it; False when nothing is pending."""
        engine, fired = self._engine or self._rebuild(), self._state.fired
        while (self._agenda or self._state.queued) and self._state.fired == fired:
            engine.step()
        if self._state.fired == fired:
            self._engine = None  # SimPy's clock may have gone on to what was cancelled
        return self._state.fired != fired

    def _rebuild(self) -> Environment:
        state = self._state
        self._engine = engine = Environment(initial_time=state.now_us)
        self._turn_us, self._batch = inf, None
        self._agenda.begin(state.now_us)
        timers = self._agenda.present.values()
        pending: list[tuple[int, int, Any, Any]] = [(t.due_us, t.sequence, self._fires, t) for t in timers]
        pending += [(state.now_us, sequence, self._works, [mark]) for mark, sequence in state.queued.items()]
        for due_us, _, callbacks, value in sorted(pending, key=itemgetter(0, 1)):
            _Call(engine, due_us - state.now_us, callbacks, value)
        self._await_turn(engine)
        return engine

    def _await_turn(self, engine: Environment) -> None:
        """Have the first slot that waits begun in time."""
        next_us = self._agenda.next_us
        if next_us is not None and next_us < self._turn_us:
            self._turn_us = next_us
            _Call(engine, next_us - int(engine.now), self._turns, next_us, URGENT)

    def _turn(self, event: _Call) -> None:
        """Begin a slot: its timers are due within a second."""
        engine, now_us = self._engine, event._value
        assert engine is not None  # noqa: S101  # it has just fired this
        for timer in self._agenda.begin(now_us):
            _Call(engine, timer.due_us - now_us, self._fires, timer)
        self._turn_us = inf
        self._await_turn(engine)

    def _fire(self, event: _Call) -> None:
        state, timer = self._state, event._value
        if self._agenda.present.pop(timer.sequence, None) is None:  # cancelled
            return
        state.now_us = timer.due_us
        state.fired += 1
        HANDLERS[timer.handler](self, *timer.arguments)

    def _work(self, event: _Call) -> None:
        """Take items off their queues and work on them: a change made meanwhile queues an item again."""
        state, batch = self._state, event._value
        for mark in batch:
            del state.queued[mark]
            state.fired += 1
            HANDLERS[mark[0]](self, mark[1])
        if self._batch is batch:
            self._batch = None
