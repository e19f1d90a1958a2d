"""SimPy fires the timers; the timers themselves are data.

The SimPy environment holds nothing that is not also in `KernelState`: it is thrown away and rebuilt from the
pending timers whenever a world is forked, restored or sent to another process.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from immutables import Map
from simpy import Environment
from simpy.events import Timeout

from stratus_sim.kernel import log as logs
from stratus_sim.kernel.registry import HANDLERS
from stratus_sim.kernel.streams import draw_bits, uniform
from stratus_sim.kernel.timers import Timer


@dataclass(slots=True)
class KernelState:
    """Everything the kernel knows. Values are immutable: a shallow copy is a snapshot.

    `now_us` counts microseconds since the world began; `draws` counts the numbers taken per stream.
    """

    seed: int = 0
    now_us: int = 0
    sequence: int = 0
    fired: int = 0
    timers: Map[int, Timer] = Map()
    draws: Map[tuple[str, str], int] = Map()
    queued: Map[tuple[str, Any], int] = Map()
    log: logs.Log | None = None

    def copy(self) -> KernelState:
        return copy.copy(self)


class Kernel:
    """A clock with timers, work queues, named random streams and a log."""

    def __init__(self, state: KernelState) -> None:
        self.kernel = state
        self._engine: Environment | None = None

    @property
    def now_us(self) -> int:
        return self.kernel.now_us

    def schedule(self, delay_us: int, handler: str, *arguments: Any) -> int:
        """Call `handler(world, *arguments)` after `delay_us` microseconds; return an id for `cancel`."""
        state = self.kernel
        state.sequence = sequence = state.sequence + 1
        timer = Timer(state.now_us + delay_us, sequence, handler, arguments)
        state.timers = state.timers.set(sequence, timer)
        if self._engine is not None:
            self._arm(self._engine, timer)
        return sequence

    def cancel(self, timer: int) -> None:
        """Forget a timer. One that has fired or was cancelled already is no error."""
        if timer in self.kernel.timers:
            self.kernel.timers = self.kernel.timers.delete(timer)

    def enqueue(self, queue: str, item: Any) -> None:
        """Put `item` on a work queue unless it waits there already, as a controller's work queue does.

        The handler named `queue` gets the item within the same microsecond.
        """
        mark = (queue, item)
        if mark not in self.kernel.queued:
            self.kernel.queued = self.kernel.queued.set(mark, self.kernel.now_us)
            self.schedule(0, "kernel.dequeue", queue, item)

    def draw(self, entity: str, purpose: str, low: int, high: int) -> int:
        """The next integer in [low, high] of the stream (entity, purpose)."""
        state, stream = self.kernel, (entity, purpose)
        index = state.draws.get(stream, 0)
        state.draws = state.draws.set(stream, index + 1)
        return uniform(draw_bits(state.seed, entity, purpose, index), low, high)

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append to the log of what happened."""
        self.kernel.log = logs.append(self.kernel.log, logs.Event(self.now_us, kind, data))

    def run_until(self, time_us: int) -> None:
        """Fire every timer due up to and including `time_us`, then set the clock to it."""
        engine = self._engine or self._rebuild()
        while engine.peek() <= time_us:
            engine.step()
        self.kernel.now_us = max(self.kernel.now_us, time_us)

    def run_for(self, duration_us: int) -> None:
        self.run_until(self.now_us + duration_us)

    def step(self) -> bool:
        """Fire the next timer; False when nothing is pending."""
        engine, fired = self._engine or self._rebuild(), self.kernel.fired
        while self.kernel.timers and self.kernel.fired == fired:
            engine.step()
        return self.kernel.fired != fired

    def _rebuild(self) -> Environment:
        self._engine = engine = Environment(initial_time=self.kernel.now_us)
        for timer in sorted(self.kernel.timers.values()):
            self._arm(engine, timer)
        return engine

    def _arm(self, engine: Environment, timer: Timer) -> None:
        timeout = Timeout(engine, timer.due_us - engine.now, timer.sequence)
        timeout.callbacks.append(self._fire)

    def _fire(self, timeout: Timeout) -> None:
        state, sequence = self.kernel, timeout._value
        timer = state.timers.get(sequence)
        if timer is None:  # cancelled
            return
        state.timers = state.timers.delete(sequence)
        state.now_us = timer.due_us
        state.fired += 1
        HANDLERS[timer.handler](self, *timer.arguments)
