"""Worlds of all sorts come to rest when writes and faults stop, and are the same however they are copied."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.invariants.grounds import autoscaled
from tests.invariants.grounds.ground import Ground, write
from tests.invariants.tales import GROUNDS, Tale, tales
from tests.invariants.test_rest import rests
from tests.invariants.test_same import data

RESTLESS = frozenset({"runs", "ranks", "mixed"})
"""Where containers end again and again, or use more than there is, and a ground that `test_rest` is about."""


def play(world: World, tale: Tale) -> World:
    for step in tale.steps:
        GROUNDS[tale.ground].take(world, step)
        world.run_for(step.seconds * SECOND_US)
    return world


def stop(world: World) -> None:
    """Every node is alive, no CronJob starts anything any more, and autoscalers do not fight each other."""
    for node in world.store.list("Node"):
        if not node.status.heartbeat:
            world.schedule(0, "node.restore", node.key.name)
    for cron in world.store.list("CronJob"):
        write(world, strategic_merge(cron.manifest, {"spec": {"suspend": True}}))
    for rival in world.store.list("HorizontalPodAutoscaler")[1:]:
        api.delete(world, rival.key, "user")


def let_it_rest(tale: Tale) -> None:
    world = play(GROUNDS[tale.ground].world(tale.plan), tale)
    stop(world)
    rests(world)


RESTING = [ground for name, ground in GROUNDS.items() if name not in RESTLESS]


@settings(max_examples=80, deadline=None)
@example(Tale("autoscaled", autoscaled.Plan(236), []))  # that may not grow does not look every 15 s whether it may
@given(st.one_of([tales(ground, 5) for ground in RESTING]))
def test_when_writes_and_faults_stop_worlds_of_all_sorts_rest(tale: Tale) -> None:
    let_it_rest(tale)


@pytest.mark.slow
@pytest.mark.parametrize("ground", RESTING, ids=lambda ground: ground.name)
def test_worlds_of_all_sorts_rest_many_times(ground: Ground) -> None:
    @settings(max_examples=800, deadline=None)
    @given(tales(ground, 10))
    def many(tale: Tale) -> None:
        let_it_rest(tale)

    many()


@settings(max_examples=50, deadline=None)
@given(st.one_of([tales(ground, 5) for ground in GROUNDS.values()]))
def test_a_fork_of_any_sort_and_the_same_steps_give_the_same_bytes(tale: Tale) -> None:
    world = GROUNDS[tale.ground].world(tale.plan)
    there = pickle.dumps(world.snapshot())
    first, *others = [data(play(fork, tale)) for fork in (world.fork(), World(pickle.loads(there)), world)]
    assert all(other == first for other in others)
