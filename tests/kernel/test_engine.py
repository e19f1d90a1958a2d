"""Timers fire in order, cancel, survive a fork, and draw the same luck on both sides."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.kernel import Kernel, KernelState, handler
from stratus_sim.kernel.log import since
from stratus_sim.kernel.registry import HANDLERS


@handler("test.note")
def note(world: Kernel, word: str) -> None:
    world.record("note", {"word": word})


@handler("test.chain")
def chain(world: Kernel, left: int) -> None:
    world.record("chain", {"left": left, "luck": world.draw("chain", "luck", 0, 9)})
    if left:
        world.schedule(7, "test.chain", left - 1)


@handler("test.queue")
def queue(world: Kernel, item: str) -> None:
    world.record("worked", {"item": item})


def words(world: Kernel) -> list[tuple[int, object]]:
    return [(event.time_us, dict(event.data)) for event in since(world.kernel.log, 0)]


def test_timers_fire_in_time_then_in_order_of_scheduling() -> None:
    world = Kernel(KernelState())
    for delay, word in ((5, "c"), (1, "a"), (5, "d"), (3, "b")):
        world.schedule(delay, "test.note", word)
    world.run_until(5)
    assert [data["word"] for _, data in words(world)] == ["a", "b", "c", "d"]
    assert world.now_us == 5


def test_a_timer_due_exactly_at_the_end_fires_and_a_later_one_does_not() -> None:
    world = Kernel(KernelState())
    world.schedule(10, "test.note", "at")
    world.schedule(11, "test.note", "after")
    world.run_until(10)
    assert [data["word"] for _, data in words(world)] == ["at"]
    world.run_until(11)
    assert [data["word"] for _, data in words(world)] == ["at", "after"]


def test_a_cancelled_timer_does_not_fire() -> None:
    world = Kernel(KernelState())
    world.run_until(0)
    timer = world.schedule(1, "test.note", "never")
    world.cancel(timer)
    world.cancel(timer)
    world.run_until(2)
    assert words(world) == []


def test_the_work_queue_holds_an_item_once() -> None:
    world = Kernel(KernelState())
    for _ in range(3):
        world.enqueue("test.queue", "x")
    world.run_until(0)
    assert len(words(world)) == 1
    world.enqueue("test.queue", "x")
    world.run_until(0)
    assert len(words(world)) == 2


@given(st.integers(0, 30), st.integers(0, 2**32))
def test_a_fork_at_any_instant_lives_the_same_future(instant: int, seed: int) -> None:
    world = Kernel(KernelState(seed=seed))
    world.schedule(3, "test.chain", 4)
    world.run_until(instant)
    fork = Kernel(world.kernel.copy())
    world.run_until(60)
    fork.run_until(60)
    assert words(world) == words(fork)
    assert len(words(world)) == 5


def test_the_state_crosses_a_process_boundary() -> None:
    world = Kernel(KernelState(seed=3))
    world.schedule(3, "test.chain", 4)
    world.run_until(5)
    copy = Kernel(pickle.loads(pickle.dumps(world.kernel)))
    world.run_until(60)
    copy.run_until(60)
    assert words(world) == words(copy)


@given(st.integers(-5, 5), st.integers(0, 1000))
def test_draws_stay_in_their_range(low: int, width: int) -> None:
    world = Kernel(KernelState(seed=1))
    assert all(low <= world.draw("a", "b", low, low + width) <= low + width for _ in range(20))


def test_one_more_entity_does_not_reshuffle_the_others() -> None:
    alone, crowded = Kernel(KernelState(seed=1)), Kernel(KernelState(seed=1))
    crowded.draw("other", "b", 0, 999)
    assert alone.draw("a", "b", 0, 10**9) == crowded.draw("a", "b", 0, 10**9)
    assert alone.draw("a", "b", 0, 10**9) != alone.draw("a", "c", 0, 10**9)


def test_draws_do_not_depend_on_the_hash_seed() -> None:
    program = "from stratus_sim.kernel.streams import draw_bits; print(draw_bits(1, 'a', 'b', 2))"
    results = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": s},
            capture_output=True,
            check=True,
        ).stdout
        for s in ("0", "1")
    }
    assert len(results) == 1


def test_two_handlers_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        handler("test.note")(lambda world: None)
    assert HANDLERS["test.note"] is note


@handler("test.raise")
def fail(world: Kernel) -> None:
    raise RuntimeError("on purpose")


def test_a_world_goes_on_after_a_handler_has_failed() -> None:
    world = Kernel(KernelState())
    world.schedule(1, "test.raise")
    world.schedule(1, "test.note", "same instant")
    world.schedule(9, "test.note", "later")
    with pytest.raises(RuntimeError, match="on purpose"):
        world.run_until(5)
    world.run_until(20)
    assert [data["word"] for _, data in words(world)] == ["same instant", "later"]
    assert world.now_us == 20


def test_a_copy_in_the_midst_of_an_instant_has_its_own_work_queue() -> None:
    world = Kernel(KernelState())
    world.enqueue("test.queue", "x")
    copy = Kernel(world.kernel.copy())
    world.run_until(0)
    assert len(words(world)) == 1
    assert words(copy) == []
    assert copy.step()
    assert words(copy) == words(world)


def test_work_and_timers_of_one_instant_keep_their_order_across_a_copy() -> None:
    world = Kernel(KernelState())
    for number in range(3):
        world.schedule(0, "test.note", f"timer {number}")
        world.enqueue("test.queue", f"item {number}")
    copy = Kernel(world.kernel.copy())
    world.run_until(0)
    copy.run_until(0)
    assert words(copy) == words(world)
    assert [next(iter(data.values())).split()[1] for _, data in words(world)] == list("001122")


def test_a_world_goes_on_after_a_step_has_failed() -> None:
    world = Kernel(KernelState())
    world.schedule(1, "test.raise")
    world.schedule(1, "test.note", "same instant")
    with pytest.raises(RuntimeError, match="on purpose"):
        world.step()
    world.enqueue("test.queue", "x")
    assert world.step() and world.step()
    assert [next(iter(data.values())) for _, data in words(world)] == ["same instant", "x"]


@handler("test.burst")
def burst(world: Kernel) -> None:
    world.schedule(0, "test.note", "timer")
    world.enqueue("test.queue", "first")
    world.enqueue("test.queue", "second")


@pytest.mark.parametrize("company", [0, 2])
def test_a_step_fires_one_timer_or_works_on_one_item(company: int) -> None:
    world = Kernel(KernelState())
    world.schedule(1, "test.burst")
    for number in range(company):
        world.schedule(1, "test.note", f"company {number}")
    seen = []
    while world.step():
        seen.append(len(words(world)))
    assert seen == list(range(company + 4))
    run = Kernel(KernelState())
    run.schedule(1, "test.burst")
    for number in range(company):
        run.schedule(1, "test.note", f"company {number}")
    run.run_until(1)
    assert words(run) == words(world)


@pytest.mark.parametrize("delay_us", [0, 1])
def test_work_of_an_instant_that_others_share_comes_after_them_and_before_the_end(delay_us: int) -> None:
    world = Kernel(KernelState())
    world.schedule(delay_us, "test.burst")
    world.schedule(delay_us, "test.note", "set before")
    world.run_until(delay_us)
    assert [next(iter(data.values())) for _, data in words(world)] == ["set before", "timer", "first", "second"]
    assert world.kernel.queued == {}
