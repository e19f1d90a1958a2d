"""Overload that outlives its cause, and what ends it: a chain of three services loaded just below capacity."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.faults import find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic import BreakerRule
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.world import World
from tests.application.mesh import key, mesh, scale

NEAR_CAPACITY = DeclaredLoad(rps=360)
"""Of 400 requests per second that four pods of `c` with 100m each carry at 1 ms of CPU."""
TRIGGER_US = 30 * SECOND_US
LATER_US = 600 * SECOND_US


def chain(**policy: object) -> World:
    """`a` calls `b` calls `c`, both calls under one policy."""
    quick, slow = Profile(latency_us=1000, cpu_us_per_request=50), Profile(1, 1000, 1000, queue=200)
    policies = tuple(DeclaredPolicy(a, b, **policy) for a, b in ("ab", "bc"))  # type: ignore[arg-type]
    slows = {"c": slow}
    return mesh("a>b", "b>c", replicas=4, profile=quick, profiles=slows, load=NEAR_CAPACITY, policies=policies)


def more_users(world: World) -> None:
    world.schedule(0, "traffic.load", 2000)
    world.run_for(TRIGGER_US)
    world.schedule(0, "traffic.load", 1000)


def a_spike(world: World) -> None:
    inject.schedule(world, 0, "load-spike", key("a", "Service"))
    world.run_for(TRIGGER_US)
    assert find("load-spike").evident(world, key("a", "Service"))
    world.schedule(0, "fault.heal", "load-spike", key("a", "Service"))


def half_the_pods(world: World) -> None:
    scale(world, "c", 2)
    world.run_for(TRIGGER_US)
    scale(world, "c", 4)


def answered(world: World) -> int:
    """Users' requests that succeed, in permille."""
    return epochs.current(world).entries[0].success_permille


@pytest.mark.parametrize("trigger", [more_users, a_spike, half_the_pods])
def test_retries_keep_an_overload_alive_when_its_cause_is_gone(trigger: Callable[[World], None]) -> None:
    world = chain(retries=3)
    assert answered(world) == 1000, "it is well as long as nothing happens"
    trigger(world)
    world.run_for(60 * SECOND_US)
    waiting = epochs.current(world).workloads["default/c"]
    assert (waiting.pods, answered(world)) == (4, 0)
    world.run_for(LATER_US - 60 * SECOND_US)
    storming = epochs.current(world).workloads["default/c"]
    assert answered(world) == 0
    makes = 4 * 4 * NEAR_CAPACITY.rps * 1000
    assert storming.rate == pytest.approx(makes, rel=1e-5), "each of four tries of `a` makes four of `b`"


@pytest.mark.parametrize("trigger", [more_users, a_spike, half_the_pods])
@pytest.mark.parametrize(
    "policy",
    [{}, {"retries": 3, "budget_permille": 50}, {"retries": 3, "breaker": BreakerRule()}],
    ids=["no retries", "a retry budget", "a circuit breaker"],
)
def test_without_the_storm_it_recovers(policy: dict, trigger: Callable[[World], None]) -> None:
    world = chain(**policy)
    trigger(world)
    assert answered(world) < 500, "the trigger hurts as much"
    world.run_for(LATER_US)
    assert answered(world) == 1000
    assert not any(found.queued for found in totals(world).workloads.values())
    assert not world.kernel.timers, "a world at rest costs nothing"


def test_shedding_load_ends_a_storm() -> None:
    world = chain(retries=3)
    more_users(world)
    world.schedule(0, "traffic.load", 50)
    world.run_for(60 * SECOND_US)
    world.schedule(0, "traffic.load", 1000)
    world.run_for(60 * SECOND_US)
    assert answered(world) == 1000


def test_a_storm_that_does_not_change_costs_nothing_either() -> None:
    world = chain(retries=3)
    more_users(world)
    world.run_for(60 * SECOND_US)
    assert not world.kernel.timers
