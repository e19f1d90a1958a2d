"""A world is its snapshot: forks share nothing that can change, and time can be turned back."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import measure
from stratus_sim.world import World
from tests.conftest import stage, standing

NODE = ObjectKey("Node", "", "node-1")


def everything(world: World) -> tuple:
    kernel = world.kernel
    state = (world.store.state.objects, world.cluster.events, world.cluster.audit, world.traffic.flows)
    return (kernel.now_us, kernel.sequence, kernel.timers, kernel.draws, kernel.log, *state, measure(world))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_a_fork_at_any_instant_has_the_same_future(before_s: int, after_s: int) -> None:
    world = World(standing())
    inject.schedule(world, 30 * SECOND_US, "kubelet-crash", NODE)
    world.run_for(before_s * SECOND_US)
    fork = world.fork()
    for one in (world, fork):
        one.run_for(after_s * SECOND_US)
    assert everything(world) == everything(fork)


def test_what_happens_to_a_fork_leaves_the_original_alone(hotel: World) -> None:
    before = everything(hotel)
    fork = hotel.fork()
    inject.schedule(fork, 0, "kubelet-crash", NODE)
    fork.run_for(600 * SECOND_US)
    assert everything(fork) != before
    assert everything(hotel) == before


def test_restore_turns_time_back(hotel: World) -> None:
    then, before = hotel.snapshot(), everything(hotel)
    api.delete(hotel, ObjectKey("Deployment", "hotel", "geo"), "test")
    hotel.run_for(60 * SECOND_US)
    hotel.restore(then)
    assert everything(hotel) == before
    hotel.run_for(60 * SECOND_US)
    assert measure(hotel).scalar == 0


def test_a_snapshot_crosses_a_process_boundary(hotel: World) -> None:
    inject.schedule(hotel, 10 * SECOND_US, "kubelet-crash", NODE)
    hotel.run_for(20 * SECOND_US)
    copy = World(pickle.loads(pickle.dumps(hotel.snapshot())))
    for one in (hotel, copy):
        one.run_for(400 * SECOND_US)
    assert everything(hotel)[:-1] == everything(copy)[:-1]


def test_seeds_differ_and_repeat() -> None:
    one, again, other = stage().standing(1), stage().standing(1), stage().standing(2)
    assert everything(one) == everything(again)
    assert [p.key for p in one.store.list("Pod")] != [p.key for p in other.store.list("Pod")]
