"""Events as somebody reads them: for an hour, and ten that are alike as one."""

from __future__ import annotations

from stratus_sim.cluster.correlator import COMBINED, recent
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import EventRecord, ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster

POD, OTHER = ObjectKey("Pod", "default", "p"), ObjectKey("Pod", "default", "q")


def said(world: World, key: ObjectKey = POD) -> list[EventRecord]:
    found = [event for event in recent(world).values() if event.involved == key]
    return sorted(found, key=lambda event: (event.first_us, event.message))


def tell(world: World, numbers: range, every_s: int = 1, key: ObjectKey = POD, reason: str = "A") -> World:
    for number in numbers:
        emit(world, key, reason, f"m{number:02}")
        world.run_for(every_s * SECOND_US)
    return world


def test_an_event_is_there_for_an_hour_after_its_last_time_and_counts_on_when_it_happens_again() -> None:
    world = tell(tell(cluster(), range(1)), range(1))
    world.run_for(3599 * SECOND_US)
    assert [event.count for event in said(world)] == [2]
    world.run_for(SECOND_US)
    assert said(world) == []
    tell(world, range(1))
    assert [(event.count, event.first_us) for event in said(world)] == [(3, 0)]


def test_the_tenth_message_of_a_reason_and_those_after_it_are_one_event_in_the_latest_words() -> None:
    world = tell(cluster(), range(9))
    assert [event.message for event in said(world)] == [f"m{n:02}" for n in range(9)]
    tell(world, range(9, 12))
    *single, combined = said(world)
    assert [event.message for event in single] == [f"m{n:02}" for n in range(9)]
    assert (combined.message, combined.count) == (f"{COMBINED}m11", 3)
    assert (combined.first_us, combined.last_us) == (9 * SECOND_US, 11 * SECOND_US)


def test_other_objects_and_reasons_and_quiet_times_keep_messages_apart() -> None:
    world = tell(cluster(), range(6))
    tell(world, range(6), key=OTHER)
    tell(world, range(6), reason="B")
    assert (len(said(world)), len(said(world, OTHER))) == (12, 6)
    world.run_for(601 * SECOND_US)
    tell(world, range(20, 26), key=OTHER)
    assert len(said(world, OTHER)) == 12
