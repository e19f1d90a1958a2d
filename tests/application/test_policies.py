"""Retries and breakers by themselves, and what callers of a server with a mind of its own see."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.registry import BEHAVIOURS, Offered, Served
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.dynamics.policies import CLOSED, Breaker, Phase, allowance, backed_off_us, observe
from stratus_sim.application.dynamics.retries import Failing, rounds
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic import BreakerRule, Policy
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest
from stratus_sim.world import World
from tests.application.mesh import mesh, scale

RULE = BreakerRule(error_permille=500, window_s=10, requests=20, open_s=5, probes=2)


@pytest.mark.parametrize(
    ("retries", "budget", "failing", "extra"),
    [
        (0, None, 1_000_000, 0),
        (3, None, 0, 0),
        (3, None, 1_000_000, 3000),
        (2, None, 500_000, 750),
        (3, 200, 1_000_000, 200),
        (3, 200, 100_000, 111),
    ],
)
def test_retries_follow_failures_within_their_budget(
    retries: int, budget: int | None, failing: int, extra: int
) -> None:
    found = rounds(Policy(retries=retries, budget_permille=budget), 1000, Failing(failing), {})
    assert (found[0], sum(found[1:])) == (1000, extra)


def test_pauses_double() -> None:
    policy = Policy(backoff_us=100)
    assert [backed_off_us(policy, 1000 * tries, 1000) for tries in (1, 2, 3, 4)] == [0, 100, 300, 700]
    assert backed_off_us(policy, 1500, 1000) == 50


def fed(epochs_: list[tuple[int, int]], breaker: Breaker = CLOSED) -> Breaker:
    """A breaker after seconds in which so many requests were tried and failed."""
    for second, (tried, failed) in enumerate(epochs_):
        breaker = observe(RULE, breaker, 1000 * tried, 1000 * failed, second * SECOND_US)
    return breaker


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        ([(100, 49)], Phase.CLOSED),
        ([(100, 50)], Phase.OPEN),
        ([(19, 19)], Phase.CLOSED),
        ([(10, 10), (9, 9)], Phase.CLOSED),
        ([(10, 10), (10, 10)], Phase.OPEN),
        ([(100, 40), (100, 70)], Phase.OPEN),
        ([(19, 19), *[(0, 0)] * 10, (19, 19)], Phase.CLOSED),
        ([(20, 20), *[(0, 0)] * 4], Phase.OPEN),
        ([(20, 20), *[(0, 0)] * 5], Phase.HALF_OPEN),
        ([(20, 20), *[(0, 0)] * 8], Phase.HALF_OPEN),
        ([(20, 20), *[(0, 0)] * 5, (2, 0)], Phase.CLOSED),
        ([(20, 20), *[(0, 0)] * 5, (2, 1)], Phase.OPEN),
    ],
)
def test_a_breaker_opens_probes_and_closes(seconds: list[tuple[int, int]], phase: Phase) -> None:
    assert fed(seconds).phase is phase


def test_a_breaker_lets_through_all_none_or_its_probes() -> None:
    policy = Policy(breaker=RULE)
    assert [allowance(policy, Breaker(phase)) for phase in Phase] == [None, 0, 2000]


def test_an_open_breaker_spares_the_callee_and_tells_its_own_error() -> None:
    world = mesh("a>b", load=DeclaredLoad(rps=100), policies=(DeclaredPolicy("a", "b", breaker=RULE),))
    scale(world, "b", 0)
    world.run_for(8 * SECOND_US)
    found = epochs.current(world).calls[0]
    assert (found.error, found.success_permille, found.rate) == ("circuit breaker is open", 0, 100_000)
    scale(world, "b", 1)
    world.run_for(60 * SECOND_US)
    assert epochs.current(world).entries[0].success_permille == 1000
    assert not world.kernel.timers


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> World:
    """`b` refuses a quarter of its requests, takes 7 ms more, and remembers how often it was asked."""

    def mood(world: World, offered: Offered, memory: int | None) -> Served:
        asked = (memory or 0) + 1
        errors = {"401 Unauthorized": 0.25}
        return Served(0.75, 7_000, errors, memory=asked, restless=asked < 500)

    monkeypatch.setitem(BEHAVIOURS, "moody", mood)
    policies = (DeclaredPolicy("a", "b", retries=1),)
    return mesh("a>b", load=DeclaredLoad(rps=100), policies=policies, profiles={"b": acting("moody")})


def test_a_behaviours_errors_are_what_callers_see_and_retry(moody: World) -> None:
    flows = epochs.current(moody)
    assert (flows.calls[0].success_permille, flows.calls[0].error) == (750, "401 Unauthorized")
    assert flows.calls[0].latency_us == pytest.approx(8_000, rel=0.02)
    assert flows.entries[0].success_permille == pytest.approx(938, abs=2), "one retry: a sixteenth fails"
    call = next(iter(totals(moody).calls.values()))
    assert call.errors["401 Unauthorized"] > 0
    told = totals(moody).workloads["default/b"].errors["401 Unauthorized"]
    assert told == pytest.approx(call.errors["401 Unauthorized"], rel=1e-6)


def test_a_restless_behaviour_is_asked_every_second_until_it_rests(moody: World) -> None:
    asked = moody.traffic.memory["default/b"]
    moody.run_for(10 * SECOND_US)
    assert moody.traffic.memory["default/b"] == asked + 10
    moody.run_for(1000 * SECOND_US)
    assert (moody.traffic.memory["default/b"], len(moody.kernel.timers)) == (500, 0)


def acting(behaviour: str) -> Profile:
    """Of a quick workload that behaves so."""
    return Profile(latency_us=1000, cpu_us_per_request=10, behaviour=behaviour)


def test_each_client_has_its_own_timeout() -> None:
    policies = (DeclaredPolicy("b", "d", timeout_ms=100), DeclaredPolicy("c", "d", timeout_ms=1000))
    slow = {"d": Profile(1, 1, 500_000)}
    world = mesh("a>b", "a>c", "b>d", "c>d", load=DeclaredLoad(rps=10), policies=policies, profiles=slow)
    found = {f.call.source: f.success_permille for f in epochs.current(world).calls if f.call.target == "d"}
    assert found == {"b": 0, "c": 1000}


def test_who_is_refused_sees_it_and_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(world: World, offered: Offered, memory: None) -> Served:
        return Served(refused={"default/b": {"FATAL: password authentication failed": 1.0}})

    monkeypatch.setitem(BEHAVIOURS, "picky", picky)
    world = mesh("a>b", "a>c", "b>d", "c>d", load=DeclaredLoad(), profiles={"d": acting("picky")})
    found = {f.call.source: (f.success_permille, f.error) for f in epochs.current(world).calls if f.call.target == "d"}
    assert found == {"b": (0, "FATAL: password authentication failed"), "c": (1000, "")}


def test_what_a_cache_misses_its_caller_asks_the_database_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BEHAVIOURS, "cold", lambda world, offered, memory: Served(missed=0.5))
    monkeypatch.setitem(BEHAVIOURS, "database", lambda world, offered, memory: Served())
    profiles = {"c": acting("cold"), "d": acting("database")}
    still = mesh("a>c", "a>d", "a>e", profiles=profiles)
    moving = mesh("a>c", "a>d", "a>e", load=DeclaredLoad(), profiles=profiles)
    for world in (still, moving):
        flows = epochs.current(world).workloads
        assert [flows[f"default/{name}"].rate for name in "acde"] == [50_000, 50_000, 75_000, 50_000]


def test_dearer_requests_leave_room_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BEHAVIOURS, "dear", lambda world, offered, memory: Served(cpu_permille=4000))
    profiles = {"b": Profile(1, 1000, 0, queue=0, behaviour="dear")}
    world = mesh("a>b", load=DeclaredLoad(rps=50), profiles=profiles)
    flow = epochs.current(world).workloads["default/b"]
    assert (flow.success_permille, flow.load_permille) == (500, 2000)


def test_pauses_between_tries_are_part_of_the_time_a_request_takes() -> None:
    policy = DeclaredPolicy("a", "b", retries=2, backoff_ms=400)
    world = mesh("a>b", load=DeclaredLoad(), policies=(policy,))
    scale(world, "b", 0)
    world.run_for(10 * SECOND_US)
    tries, pauses = 3 * 1000, 400_000 + 800_000
    assert epochs.current(world).entries[0].latency_us == pytest.approx(1000 + tries + pauses, rel=0.01)


def test_probes_are_shared_by_all_who_use_a_client() -> None:
    one = msgspec.convert({"entry": "a", "calls": [{"to": "b"}]}, DeclaredRequest)
    policies = (DeclaredPolicy("a", "b", breaker=RULE),)
    world = mesh("a>b", load=DeclaredLoad(rps=100), policies=policies, requests={"x": one, "y": one})
    scale(world, "b", 0)
    probed = set()
    for _ in range(40):
        before = next(iter(totals(world).calls.values()))
        (course,) = world.traffic.courses
        half_open = Phase.HALF_OPEN in [breaker.phase for _, breaker in course.motion.breakers]
        world.run_for(SECOND_US)
        after = next(iter(totals(world).calls.values()))
        held = after.errors.get("circuit breaker is open", 0) - before.errors.get("circuit breaker is open", 0)
        if half_open:
            probed.add(after.tried - before.tried - held)
    assert probed == {1000 * RULE.probes}


def test_a_world_goes_elsewhere_whatever_its_behaviours_are(moody: World) -> None:
    assert moody.traffic.footing is not None
    other = World(pickle.loads(pickle.dumps(moody.snapshot())))
    for world in (moody, other):
        world.run_for(30 * SECOND_US)
    assert totals(other) == totals(moody)


def test_behaviours_are_told_what_arrives_not_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def listening(world: World, offered: Offered, memory: None) -> Served:
        told.append(offered.rate)
        return Served()

    monkeypatch.setitem(BEHAVIOURS, "listening", listening)
    monkeypatch.setitem(BEHAVIOURS, "cold", lambda world, offered, memory: Served(missed=0.5))
    monkeypatch.setitem(BEHAVIOURS, "database", listening)
    full = {"b": Profile(1, 4000, 1000, queue=100, behaviour="listening")}
    mesh("a>b", load=DeclaredLoad(), profiles=full)
    assert told[-1] == 50_000
    mesh("a>c", "a>d", load=DeclaredLoad(), profiles={"c": acting("cold"), "d": acting("database")})
    assert told[-1] == 75_000, "what the cache misses is in it once"
