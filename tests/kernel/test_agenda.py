"""Timers wait in slots and still fire in order of time and scheduling, whatever is cancelled and forked in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.kernel import Kernel, KernelState, Timer, handler
from stratus_sim.kernel.agenda import Agenda
from stratus_sim.kernel.log import since

SLOT_US = 1 << 20
DELAYS = st.one_of(st.integers(0, 3), st.integers(0, 40).map(lambda n: n * SLOT_US // 4), st.integers(0, 10**7))
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("schedule"), DELAYS),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("run"), DELAYS),
        st.tuples(st.just("step"), st.just(0)),
        st.tuples(st.just("fork"), st.just(0)),
    ),
    max_size=40,
)


@handler("test.agenda")
def fired(world: Kernel, number: int) -> None:
    world.record("fired", {"number": number})


def told(world: Kernel) -> list[tuple[int, int]]:
    return [(event.time_us, event.data["number"]) for event in since(world.kernel.log, 0)]


class Model:
    """The same with one sorted list."""

    def __init__(self) -> None:
        self.now_us, self.pending, self.fired = 0, list[tuple[int, int]](), list[tuple[int, int]]()

    def run_until(self, time_us: int) -> None:
        self.fired += [timer for timer in sorted(self.pending) if timer[0] <= time_us]
        self.pending = [timer for timer in self.pending if timer[0] > time_us]
        self.now_us = time_us

    def step(self) -> None:
        if self.pending:
            first = min(self.pending)
            self.pending.remove(first)
            self.fired.append(first)
            self.now_us = first[0]


@given(OPERATIONS)
def test_timers_fire_as_from_one_sorted_list(operations: list[tuple[str, int]]) -> None:
    world, model, timers = Kernel(KernelState()), Model(), list[Timer]()
    for name, value in operations:
        if name == "schedule":
            timers.append(world.schedule(value, "test.agenda", len(timers)))
            model.pending.append((model.now_us + value, len(timers) - 1))
        elif name == "cancel" and value < len(timers):
            world.cancel(timers[value])
            model.pending = [timer for timer in model.pending if timer[1] != value]
        elif name == "run":
            world.run_for(value)
            model.run_until(model.now_us + value)
        elif name == "step":
            world.step()
            model.step()
        elif name == "fork":
            world = Kernel(world.kernel.copy())
        assert sorted((t.due_us, t.arguments[0]) for t in world.kernel.timers.values()) == sorted(model.pending)
    world.run_for(10**9)
    model.run_until(model.now_us + 10**9)
    assert told(world) == model.fired


def test_only_the_slot_that_has_begun_is_in_order() -> None:
    agenda = Agenda(KernelState().slots)
    for number in range(1000):
        agenda.add(Timer(number * SLOT_US, number, "test.agenda", (number,)))
    fork = Agenda(agenda.freeze())
    assert [timer.sequence for timer in fork.begin(0)] == [0]
    assert (len(fork.present), fork.next_us) == (1, SLOT_US)


def test_what_is_frozen_does_not_change() -> None:
    agenda = Agenda(KernelState().slots)
    agenda.add(Timer(5, 1, "test.agenda", (1,)))
    frozen = agenda.freeze()
    agenda.add(Timer(6, 2, "test.agenda", (2,)))
    agenda.begin(0)
    assert {slot: len(timers) for slot, timers in frozen.items()} == {0: 1}
    assert {slot: len(timers) for slot, timers in agenda.freeze().items()} == {0: 2}


@pytest.mark.parametrize("begun", [True, False])
def test_a_timer_that_fired_can_be_cancelled_and_its_slot_goes_on(begun: bool) -> None:
    world = Kernel(KernelState())
    gone = world.schedule(1, "test.agenda", 0)
    world.run_until(2)
    world = world if begun else Kernel(world.kernel.copy())
    world.cancel(gone)
    world.schedule(1, "test.agenda", 1)
    world.run_until(9)
    assert told(world) == [(1, 0), (3, 1)]


@handler("test.mixed")
def mixed(world: Kernel, left: int) -> None:
    """Timers of this very instant and work, in turn."""
    for number in range(left):
        world.schedule(0, "test.agenda", 2 * number)
        world.enqueue("test.mixed-work", 2 * number + 1)


@handler("test.mixed-work")
def work(world: Kernel, number: int) -> None:
    world.record("fired", {"number": number})


@pytest.mark.parametrize("delay_us", [1, 3 * SLOT_US])
def test_timers_and_work_of_one_instant_take_turns_while_the_world_runs(delay_us: int) -> None:
    world = Kernel(KernelState())
    world.run_until(delay_us)
    world.schedule(delay_us, "test.mixed", 4)
    world.run_until(3 * delay_us)
    assert [number for _, number in told(world)] == list(range(8))


def test_timers_and_work_take_turns_between_runs_in_a_slot_where_nothing_waited() -> None:
    world = Kernel(KernelState())
    world.run_until(5 * SLOT_US + 7)
    mixed(world, 4)
    world.run_for(0)
    assert [number for _, number in told(world)] == list(range(8))


def test_a_step_to_what_was_cancelled_leaves_the_clock_alone() -> None:
    world = Kernel(KernelState())
    world.run_until(0)
    world.cancel(world.schedule(50 * SLOT_US, "test.agenda", 0))
    late = world.schedule(60 * SLOT_US, "test.agenda", 0)
    world.run_until(50 * SLOT_US + 1)
    world.cancel(late)
    assert not world.step()
    world.schedule(9 * SLOT_US, "test.agenda", 1)
    world.schedule(12 * SLOT_US, "test.agenda", 2)
    world.run_for(20 * SLOT_US)
    assert [number for _, number in told(world)] == [1, 2]


@handler("test.agenda-nearer")
def nearer(world: Kernel) -> None:
    """One slot that is awaited, and then one that comes before it."""
    world.schedule(7 * SLOT_US, "test.agenda-nearer")
    world.schedule(3 * SLOT_US, "test.agenda", 0)


def test_a_slot_that_comes_before_the_awaited_one_leaves_nothing_behind() -> None:
    world = Kernel(KernelState())
    world.schedule(1, "test.agenda-nearer")
    world.schedule(10_000 * SLOT_US, "test.agenda", 1)
    world.run_until(5 * SLOT_US)
    assert world._engine is not None
    waiting = len(world._engine._queue)
    world.run_until(700 * SLOT_US)
    assert len(world._engine._queue) <= waiting
    assert len(told(world)) == 100
