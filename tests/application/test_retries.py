"""When who has failed tries again: as late as it learns of it, and whatever has become of others by then."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from stratus_sim.application.behaviours.registry import BEHAVIOURS, Served
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic import BreakerRule
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.world import World
from tests.application.mesh import mesh, node_of, strain

RPS = 10
LOAD = DeclaredLoad(RPS)


def tries(world: World) -> float:
    """Of `a` at `b` so far."""
    return next(count.tried for call, count in totals(world).calls.items() if call.target == "b") / 1000


@pytest.mark.parametrize("users_stop", [False, True])
def test_nobody_who_tries_again_is_forgotten(users_stop: bool) -> None:
    """Users wait three seconds for an answer, seven times, and what held it up is over by then."""
    policies = (DeclaredPolicy("users", "a", 3000, 6),)
    world = mesh(profile=Profile(1, 2000, 0, queue=400), load=LOAD, policies=policies)
    world.schedule(0, "traffic.load", 0)
    world.run_for(120 * SECOND_US)
    before = totals(world).entries["default/a"]
    world.schedule(0, "traffic.load", 1000)
    strain(world, node_of(world, "a"), 900)
    world.run_for(10 * SECOND_US)
    strain(world, node_of(world, "a"), 0)
    for load, seconds in ((0 if users_stop else 1000, 30), (0, 60)):
        world.schedule(0, "traffic.load", load)
        world.run_for(seconds * SECOND_US)
    after = totals(world).entries["default/a"]
    assert sum(after.errors.values()) - sum(before.errors.values()) > 10_000
    made = 1000 * RPS * (10 if users_stop else 40)
    assert after.succeeded - before.succeeded == pytest.approx(made, rel=0.01)


def silent_callee() -> World:
    """`c` takes five seconds, for which `b` waits three."""
    policies = (DeclaredPolicy("a", "b", 10_000, 1), DeclaredPolicy("b", "c", 3000))
    return mesh("a>b", "b>c", profiles={"c": Profile(1, 10, 5_000_000)}, load=LOAD, policies=policies)


def lost_node() -> World:
    """Nothing answers at the address of `b`."""
    world = mesh("a>b", load=LOAD, policies=(DeclaredPolicy("a", "b", 3000, 1),))
    world.schedule(0, "node.crash", node_of(world, "b"))
    return world


def slow_refusal() -> World:
    """`b` answers after three seconds, and never well."""
    acting = {"b": Profile(1, 10, behaviour="sulking")}
    return mesh("a>b", profiles=acting, load=LOAD, policies=(DeclaredPolicy("a", "b", 10_000, 1),))


@pytest.mark.parametrize("made", [silent_callee, lost_node, slow_refusal])
def test_who_learns_late_of_a_failure_tries_again_as_late(
    made: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BEHAVIOURS, "sulking", lambda *_: Served(0, 3_000_000, {"503 Service Unavailable": 1.0}))
    world = made()
    world.schedule(0, "traffic.load", 0)
    world.run_for(15 * SECOND_US)
    world.schedule(0, "traffic.load", 1000)
    seen = [tries(world)]
    for _ in range(5):
        world.run_for(SECOND_US)
        seen.append(tries(world))
    assert [round(after - before) for before, after in pairwise(seen)] == [10, 10, 10, 20, 20]


def test_an_open_breaker_holds_who_was_let_through_before() -> None:
    """A probe learns in the fourth second that it has failed."""
    rule = BreakerRule(error_permille=500, window_s=10, requests=5, open_s=30)
    policies = (DeclaredPolicy("a", "b", 3000, 1, breaker=rule),)
    world = mesh("a>b", profiles={"b": Profile(1, 10, 5_000_000)}, load=LOAD, policies=policies)
    world.schedule(0, "traffic.load", 0)
    world.run_for(120 * SECOND_US)
    before = totals(world).workloads["default/b"].arrived
    world.schedule(0, "traffic.load", 1000)
    world.run_for(10 * SECOND_US)
    assert totals(world).workloads["default/b"].arrived - before == 1000 * rule.probes
