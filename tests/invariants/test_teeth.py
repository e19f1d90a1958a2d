"""Each promise is one that could be broken: with one rule of the cluster sabotaged, its check says so."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import pytest

from stratus_sim.application.dynamics import counters
from stratus_sim.cluster import endpoints, eviction, garbage, pods
from stratus_sim.cluster.scheduling import filters
from stratus_sim.cluster.store import Store
from stratus_sim.cluster.workloads import deployment, rollout
from stratus_sim.world import World
from tests.invariants import test_requests, test_same
from tests.invariants.steps import Step
from tests.invariants.test_always import watch
from tests.invariants.test_rest import let_it_rest
from tests.invariants.worlds import Plan, Shape, world_of

Sabotage = Callable[[pytest.MonkeyPatch], None]
PAIR = Plan(2, (Shape(replicas=2), Shape(replicas=2)), seed=5)
FIVE = Plan(2, (Shape(replicas=5),))
GUARDED = Plan(2, (Shape(replicas=3, kept=3),), seed=5)


def owned_by_itself(patch: pytest.MonkeyPatch) -> None:
    """A controller takes an object for its own owner."""
    create = Store.create

    def wrong(self: Store, manifest: Any, **more: Any) -> Any:
        made = create(self, manifest, **more)
        if made.key.kind == "ReplicaSet":
            self.entrust(made.key, made.key)
        return made

    patch.setattr(Store, "create", wrong)


def owned_in_a_circle(patch: pytest.MonkeyPatch) -> None:
    """A ReplicaSet is made the owner of the Deployment it belongs to."""
    make = deployment._create_set

    def wrong(world: World, found: Any, *more: Any) -> Any:
        made = make(world, found, *more)
        world.store.entrust(found.key, made.key)
        return made

    patch.setattr(deployment, "_create_set", wrong)


def no_collector(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(garbage, "discard", lambda world, found, *_more: world.store.remove(found.key))
    patch.setattr(garbage, "_followers", lambda *_: [])


def room_everywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(filters, "refuse", lambda *_: None)


def any_surge(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rollout, "bounds", lambda _: (9, 0))


def all_unavailable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rollout, "bounds", lambda _: (0, 9))


def resized_for_good(patch: pytest.MonkeyPatch) -> None:
    """Who is resized in mid-rollout loses all older pods."""

    def wrong(world: World, _found: Any, alive: list[Any]) -> None:
        for older in alive[:-1]:
            rollout.scale(world, older, 0)

    patch.setattr(rollout, "_in_proportion", wrong)


def no_budgets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(eviction, "covering", lambda *_: [])


def deaf_endpoints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(endpoints, "_enqueue", lambda *_: None)


def pods_that_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pods, "end", lambda *_: None)


def luck_from_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """What one world draws depends on what other worlds of the process have drawn."""
    drawn = count()
    patch.setattr(World, "draw", lambda _self, _entity, _purpose, low, high: low + next(drawn) % (high - low + 1))


def one_stream_for_all(patch: pytest.MonkeyPatch) -> None:
    """What befalls an entity depends on who else is there."""
    draw = World.draw
    patch.setattr(World, "draw", lambda self, _entity, _purpose, low, high: draw(self, "all", "", low, high))


def requests_get_lost(patch: pytest.MonkeyPatch) -> None:
    """Every tenth request that succeeds is not counted."""
    read = counters._read

    def wrong(*known: Any) -> counters.Counts:
        found = read(*known)
        entries = {name: one._replace(succeeded=one.succeeded * 9 // 10) for name, one in found.entries.items()}
        return found._replace(entries=entries)

    patch.setattr(counters, "_read", wrong)


class Case(NamedTuple):
    """A sabotage, what then happens, and what the check says."""

    sabotage: Sabotage
    plan: Plan
    steps: list[Step]
    told: str


CASES = [
    Case(owned_by_itself, PAIR, [Step("roll", 0, 10)], "owners in a circle"),
    Case(owned_in_a_circle, PAIR, [Step("roll", 0, 10)], "owners in a circle"),
    Case(no_collector, PAIR, [Step("remove", 0, 10)], "is left of"),
    Case(room_everywhere, PAIR, [Step("starve", 0, 60), Step("scale", 3, 60)], "MiB of 1000m"),
    Case(any_surge, PAIR, [Step("roll", 0, 60)], "more allowed"),
    Case(all_unavailable, PAIR, [Step("roll", 0, 60)], "ready are left of"),
    Case(resized_for_good, FIVE, [Step("break", 0, 10), Step("scale", 3, 10)], "ready are left of"),
    Case(no_budgets, GUARDED, [Step("evict", 0, 10)], "wanted"),
    Case(deaf_endpoints, PAIR, [Step("crash", 0, 60)], "ready are"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sabotage.__name__)
def test_a_broken_rule_breaks_its_promise(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(world_of(case.plan), case.steps)
    world = world_of(case.plan)
    case.sabotage(monkeypatch)
    with pytest.raises(AssertionError, match=case.told):
        watch(world, case.steps)


def test_pods_that_never_end_let_no_world_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    let_it_rest(PAIR, [Step("kill")])
    pods_that_never_end(monkeypatch)
    with pytest.raises(AssertionError, match="terminating"):
        let_it_rest(PAIR, [Step("kill")])


def test_luck_from_elsewhere_tells_forks_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    same = test_same.test_a_fork_and_the_same_steps_give_the_same_bytes.hypothesis.inner_test
    same(PAIR, [], [Step("kill", 0, 30)])
    luck_from_elsewhere(monkeypatch)
    with pytest.raises(AssertionError):
        same(PAIR, [], [Step("kill", 0, 30)])


def test_one_stream_for_all_ties_namespaces_together(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = test_same.test_what_goes_on_in_another_namespace_changes_nobodys_history.hypothesis.inner_test
    steps = [(Step("kill", 0, 30), Step("kill", 0, 30))]
    apart(PAIR, PAIR, steps)
    one_stream_for_all(monkeypatch)
    with pytest.raises(AssertionError):
        apart(PAIR, PAIR, steps)


def test_requests_that_get_lost_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    conserved = test_requests.test_what_users_send_is_counted_and_never_uncounted.hypothesis.inner_test
    steps = [(Step("kill", 0, 30), 1000)]
    conserved(PAIR, steps)
    requests_get_lost(monkeypatch)
    with pytest.raises(AssertionError):
        conserved(PAIR, steps)
