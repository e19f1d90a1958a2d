"""SimPy fires the timers; the timers themselves are data.

The SimPy environment holds nothing that is not also in `KernelState`: it is thrown away and rebuilt from the
pending timers whenever a world is forked, restored or sent to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from immutables import Map
from simpy import Environment
from simpy.events import Event, EventPriority, Timeout

from stratus_sim.kernel import log as logs
from stratus_sim.kernel.draft import Draft
from stratus_sim.kernel.registry import HANDLERS
from stratus_sim.kernel.streams import draw_bits, uniform
from stratus_sim.kernel.timers import Timer


@dataclass(slots=True)
class KernelState:
    """Everything the kernel knows.

    `now_us` counts microseconds since the world began; `draws` counts the numbers taken per stream. `timers` are
    keyed by their sequence. `queued` are the work queues, (queue, item) to sequence: timers that are due now.
    """

    seed: int = 0
    now_us: int = 0
    sequence: int = 0
    fired: int = 0
    timers: Map[int, Timer] = Map()
    draws: Map[tuple[str, str], int] = Map()
    queued: dict[tuple[str, Any], int] = field(default_factory=dict)
    log: logs.Log | None = None

    def copy(self) -> KernelState:
        """A snapshot: of immutable values, and of work queues that are empty but in the midst of an instant."""
        return replace(self, queued=self.queued.copy())


class _End(Event):
    """Ends a run after everything due at its instant, even what is scheduled when the instant has come."""

    _AFTER_ALL = EventPriority(2)  # SimPy fires equal times in order of priority; timers have NORMAL, which is 1

    def __init__(self, engine: Environment, delay_us: int) -> None:
        super().__init__(engine)
        self._ok, self._value = True, None
        engine.schedule(self, self._AFTER_ALL, delay_us)


class Kernel:
    """A clock with timers, work queues, named random streams and a log."""

    def __init__(self, state: KernelState) -> None:
        self._state = state
        self._timers = Draft(state.timers)
        self._engine: Environment | None = None

    @property
    def kernel(self) -> KernelState:
        """What a snapshot of the kernel is taken of; ask again after a change, its `timers` stay as they are."""
        self._state.timers = self._timers.freeze()
        return self._state

    @property
    def now_us(self) -> int:
        return self._state.now_us

    def schedule(self, delay_us: int, handler: str, *arguments: Any) -> int:
        """Call `handler(world, *arguments)` after `delay_us` microseconds; return an id for `cancel`."""
        state = self._state
        state.sequence = sequence = state.sequence + 1
        self._timers.set(sequence, Timer(state.now_us + delay_us, sequence, handler, arguments))
        if self._engine is not None:
            Timeout(self._engine, delay_us, sequence).callbacks.append(self._fire)
        return sequence

    def cancel(self, timer: int) -> None:
        """Forget a timer. One that has fired or was cancelled already is no error."""
        if timer in self._timers.now:
            self._timers.delete(timer)

    def enqueue(self, queue: str, item: Any) -> None:
        """Put `item` on a work queue unless it waits there already, as a controller's work queue does.

        The handler named `queue` gets the item within the same microsecond.
        """
        state, mark = self._state, (queue, item)
        if mark in state.queued:
            return
        state.sequence = sequence = state.sequence + 1
        state.queued[mark] = sequence
        if self._engine is not None:
            Timeout(self._engine, 0, mark).callbacks.append(self._work)

    def draw(self, entity: str, purpose: str, low: int, high: int) -> int:
        """The next integer in [low, high] of the stream (entity, purpose)."""
        state, stream = self._state, (entity, purpose)
        index = state.draws.get(stream, 0)
        state.draws = state.draws.set(stream, index + 1)
        return uniform(draw_bits(state.seed, entity, purpose, index), low, high)

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append to the log of what happened."""
        self._state.log = logs.append(self._state.log, logs.Event(self.now_us, kind, data))

    def run_until(self, time_us: int) -> None:
        """Fire every timer due up to and including `time_us`, then set the clock to it; nothing for a past time."""
        if time_us < self._state.now_us:
            return
        engine = self._engine or self._rebuild()
        try:
            engine.run(_End(engine, time_us - self._state.now_us))
        except BaseException:
            self._engine = None  # the end of this run is still in there and would end a later one
            raise
        self._state.now_us = time_us

    def run_for(self, duration_us: int) -> None:
        self.run_until(self.now_us + duration_us)

    def step(self) -> bool:
        """Fire the next timer; False when nothing is pending."""
        engine, fired = self._engine or self._rebuild(), self._state.fired
        while (self._timers.now or self._state.queued) and self._state.fired == fired:
            engine.step()
        return self._state.fired != fired

    def _rebuild(self) -> Environment:
        state = self.kernel
        self._engine = engine = Environment(initial_time=state.now_us)
        pending: list[tuple[int, int, Any, Callable[[Timeout], None]]] = [
            *((timer.due_us, sequence, sequence, self._fire) for sequence, timer in state.timers.items()),
            *((state.now_us, sequence, mark, self._work) for mark, sequence in state.queued.items()),
        ]
        for due_us, _, value, callback in sorted(pending, key=itemgetter(0, 1)):
            Timeout(engine, due_us - state.now_us, value).callbacks.append(callback)
        return engine

    def _fire(self, timeout: Timeout) -> None:
        state, sequence = self._state, timeout._value
        timer = self._timers.now.get(sequence)
        if timer is None:  # cancelled
            return
        self._timers.delete(sequence)
        state.now_us = timer.due_us
        state.fired += 1
        HANDLERS[timer.handler](self, *timer.arguments)

    def _work(self, timeout: Timeout) -> None:
        """Take an item off its queue, then work on it: a change made meanwhile queues it again."""
        state, mark = self._state, timeout._value
        del state.queued[mark]
        state.fired += 1
        HANDLERS[mark[0]](self, mark[1])
