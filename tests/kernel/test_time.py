"""Time never goes back, and work that comes up while its queue is worked on is not lost."""

from __future__ import annotations

from stratus_sim.kernel import Kernel, KernelState, handler
from stratus_sim.kernel.log import since
from stratus_sim.kernel.streams import draw_bits, uniform


@handler("test.again")
def again(world: Kernel, item: str) -> None:
    world.record("worked", {"item": item})
    if len(since(world.kernel.log, 0)) < 3:
        world.enqueue("test.again", item)


def test_the_past_is_over() -> None:
    world = Kernel(KernelState())
    world.run_until(5)
    world.run_until(3)
    assert world.now_us == 5


def test_an_item_queued_while_it_is_worked_on_is_worked_on_again() -> None:
    world = Kernel(KernelState())
    world.enqueue("test.again", "x")
    world.run_until(0)
    assert len(since(world.kernel.log, 0)) == 3


def test_a_log_is_read_from_where_one_left_off() -> None:
    world = Kernel(KernelState())
    for word in "abc":
        world.record(word, {})
    assert [event.kind for event in since(world.kernel.log, 1)] == ["b", "c"]
    assert since(world.kernel.log, 3) == since(None, 0) == []


def test_a_draw_reaches_both_ends_and_streams_are_told_apart() -> None:
    assert (uniform(0, 3, 9), uniform(2**64 - 1, 3, 9)) == (3, 9)
    assert draw_bits(1, "ab", "c", 0) != draw_bits(1, "a", "bc", 0)
    assert draw_bits(1, "a", "b", 11) != draw_bits(1, "a", "b1", 1)
