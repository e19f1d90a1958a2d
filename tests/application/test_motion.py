"""Traffic in motion and at rest are one thing: they agree where nothing waits, and what does not move costs nothing."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.dynamics.durations import within
from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest, DeclaredStep
from stratus_sim.world import World
from tests.application.mesh import key, mesh, scale

NAMES = "abcdef"
DOWNWARDS = [f"{a}>{b}" for a in NAMES for b in NAMES if a < b]


class Walk:
    """One request on its way through an application in which nothing waits, call by call."""

    def __init__(self, world: World) -> None:
        self._application = world.application
        self._pods = {name: flow.pods for name, flow in epochs.current(world).workloads.items()}
        self._there = {f"{key.namespace}/{key.name}" for key in world.store.keys("Service")}
        self.visits: dict[str, int] = dict.fromkeys(self._pods, 0)

    def at(self, service: str) -> bool:
        """Whether a request that enters by a Service is answered; counts where it comes by."""
        if service not in self._there or not self._pods[service]:
            return False
        self.visits[service] += 1
        return all(self.at(call.target_key) for call in self._application.calls_from(service) if call.hard)

    def time_us(self, service: str, waits: Mapping[str, float]) -> float:
        """How long it is on its way, where each workload takes so long by itself."""
        if service not in self._there or not self._pods[service]:
            return 1000
        taken_us = waits[service]
        for call in self._application.calls_from(service):
            taken_us += self.time_us(call.target_key, waits)
            if not Walk.at(self, call.target_key):
                break
        return taken_us


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(DOWNWARDS), unique=True, max_size=10),
    st.dictionaries(st.sampled_from(NAMES), st.builds(Profile, st.just(1), st.integers(0, 100), st.integers(0, 5000))),
    st.sampled_from(["nothing", "no pods", "no service"]),
    st.sampled_from(NAMES),
    st.sampled_from([None, DeclaredLoad()]),
)
def test_at_rest_every_request_goes_the_way_one_goes_alone(edges, profiles, trouble, name, load) -> None:
    there = {"a", *"".join(edges)}
    profiles = {n: p for n, p in profiles.items() if n in there}
    world = mesh(*edges, replicas=2, profiles=profiles, load=load)
    trouble_with(world, trouble, name if name in there else "a")
    world.run_for(30 * SECOND_US)
    flows, walk = epochs.current(world), Walk(world)
    answered = walk.at("default/a")
    visits = walk.visits.copy()
    assert {n: flow.rate for n, flow in flows.workloads.items()} == {n: 50_000 * v for n, v in visits.items()}
    (entry,) = flows.entries
    assert (entry.rate, entry.success_permille) == (50_000, 1000 * answered)
    waits = {n: alone_us(world, n, flow.load_permille) for n, flow in flows.workloads.items()}
    assert entry.latency_us == pytest.approx(walk.time_us("default/a", waits), abs=len(edges) + 1)


def alone_us(world: World, name: str, load_permille: int) -> float:
    """A workload's own time, up to twenty times as long the busier it is."""
    return world.application.workloads[name].latency_us * 1000 / (1000 - min(load_permille, 950))


def trouble_with(world: World, trouble: str, name: str) -> None:
    if trouble == "no pods":
        scale(world, name, 0)
    elif trouble == "no service":
        api.delete(world, key(name, "Service"), "test")


def waiting(world: World) -> int:
    """Thousandths of requests that wait for `b`."""
    return totals(world).workloads["default/b"].queued


def busy(**policy: object) -> World:
    """`b` can carry half of what `a` sends it, and lets 200 requests wait."""
    slow = Profile(1, 4000, 1000, queue=200)
    return mesh("a>b", profiles={"b": slow}, policies=(DeclaredPolicy("a", "b", **policy),))  # type: ignore[arg-type]


def test_a_queue_remembers_and_is_worked_off_when_load_goes() -> None:
    world = busy(timeout_ms=60_000)
    flow = epochs.current(world).workloads["default/b"]
    assert (flow.success_permille, waiting(world)) == (500, 200_000), "full: half is turned away"
    assert flow.latency_us == pytest.approx(200 / 25 * SECOND_US, rel=0.01), "the wait behind 200 at 25 a second"
    world.schedule(0, "traffic.load", 0)
    world.run_for(4 * SECOND_US)
    assert waiting(world) == 200_000 - 4 * 25_000
    world.run_for(10 * SECOND_US)
    assert (waiting(world), len(world.kernel.timers)) == (0, 0)


def test_who_waits_too_long_gives_up_and_is_worked_for_all_the_same() -> None:
    world = busy(timeout_ms=1000)
    flows, counts = epochs.current(world), totals(world)
    assert flows.calls[0].success_permille == 0
    (call,) = counts.calls.values()
    assert {*call.errors} >= {"deadline exceeded", "503 from upstream"}
    assert call.errors["deadline exceeded"] == pytest.approx(25_000 * world.now_us / SECOND_US, rel=0.1)
    assert counts.workloads["default/b"].succeeded == pytest.approx(25_000 * world.now_us / SECOND_US, rel=0.1)


def test_a_pod_that_goes_takes_its_queue_with_it() -> None:
    world = busy(timeout_ms=60_000)
    scale(world, "b", 0)
    world.run_for(60 * SECOND_US)
    assert totals(world).workloads["default/b"].errors["connection reset by peer"] == 200_000
    assert waiting(world) == 0


def test_half_the_pods_take_half_the_queue() -> None:
    slow = {"b": Profile(1, 10_000, 1000, queue=1000)}
    world = mesh("a>b", replicas=2, profiles=slow, load=DeclaredLoad(trace=[0, *[120] * 4, 0]))
    world.run_for(5 * SECOND_US)
    before = waiting(world)
    scale(world, "b", 1)
    world.run_for(60 * SECOND_US)
    assert before == 400_000, "100 more a second than the 20 that two pods serve"
    lost = totals(world).workloads["default/b"].errors["connection reset by peer"]
    assert lost == pytest.approx(before / 2, abs=20_000)


def test_what_nobody_waits_for_neither_loads_nor_fails() -> None:
    world = mesh("a>b", soft=["a>c"], load=DeclaredLoad())
    assert [flow.rate for flow in epochs.current(world).workloads.values()] == [50_000, 50_000, 0]
    scale(world, "c", 0)
    world.run_for(10 * SECOND_US)
    flows = epochs.current(world)
    found = {f.call.target: (f.rate, f.error) for f in flows.calls}
    assert found == {"b": (50_000, ""), "c": (50_000, "connection refused")}
    assert (flows.entries[0].success_permille, flows.workloads["default/c"].rate) == (1000, 0)


def test_concurrency_is_a_limit_of_its_own() -> None:
    """Two requests at once of 100 ms each are 20 a second, however much CPU there is."""
    narrow = Profile(1, 10, 100_000, concurrency=2, queue=0)
    world = mesh("a>b", profiles={"b": narrow}, load=DeclaredLoad(rps=40))
    assert epochs.current(world).calls[0].success_permille == pytest.approx(500, abs=10)


def test_a_slow_callee_holds_its_callers_slots() -> None:
    slow = {"a": Profile(1, 10, 0, concurrency=5, queue=0), "b": Profile(1, 10, 500_000)}
    world = mesh("a>b", profiles=slow, load=DeclaredLoad(rps=20))
    assert epochs.current(world).entries[0].success_permille == pytest.approx(500, abs=10), "5 slots of 500 ms: 10/s"


@pytest.mark.parametrize("load", [DeclaredLoad(rps=80, arrivals="poisson"), DeclaredLoad(rps=80)])
def test_a_fork_in_the_midst_of_it_goes_the_same_way(load: DeclaredLoad) -> None:
    world = mesh(
        "a>b", profiles={"b": Profile(1, 1200, 1000)}, load=load, policies=(DeclaredPolicy("a", "b", retries=2),)
    )
    world.schedule(0, "traffic.load", 1500)
    world.run_for(5 * SECOND_US)
    fork = world.fork()
    other = World(pickle.loads(pickle.dumps(world.snapshot())))
    for one in (world, fork, other):
        one.run_for(60 * SECOND_US)
    assert totals(world) == totals(fork) == totals(other)
    assert world.traffic == fork.traffic == other.traffic


def test_what_does_not_move_is_not_worked_out() -> None:
    world = mesh("a>b", load=DeclaredLoad(rps=33), policies=(DeclaredPolicy("a", "b", retries=2),))
    fired = world.kernel.fired
    world.run_for(3600 * SECOND_US)
    assert (world.kernel.fired, len(world.kernel.timers)) == (fired, 0)


def test_declared_and_undeclared_traffic_count_alike() -> None:
    still, moving = mesh("a>b"), mesh("a>b", load=DeclaredLoad())
    before = [totals(world) for world in (still, moving)]
    for world in (still, moving):
        world.run_for(3600 * SECOND_US)
    for world, was in zip((still, moving), before, strict=True):
        for name in ("default/a", "default/b"):
            assert totals(world).workloads[name].arrived - was.workloads[name].arrived == 50_000 * 3600


def test_reading_counts_changes_nothing() -> None:
    one, other = mesh("a>b"), mesh("a>b")
    for world in (one, other):
        scale(world, "b", 0)
        world.run_for(SECOND_US // 2)
        if world is one:
            totals(world)
            epochs.current(world)
        world.run_for(60 * SECOND_US)
    assert totals(one) == totals(other)
    (call,) = totals(one).calls.values()
    assert call.errors["connection refused"] > 0


@pytest.mark.parametrize("load", [None, DeclaredLoad()])
def test_durations_spread_around_the_mean_of_their_time(load: DeclaredLoad | None) -> None:
    world = mesh(profile=Profile(1, 0, 100_000), load=load)
    for found in (totals(world).workloads["default/a"], totals(world).entries["default/a"]):
        total = sum(found.durations.values())
        shares = [within(found.durations, n * 100_000) / total for n in (0, 1, 2, 100)]
        assert total == found[0]
        assert shares == pytest.approx([0, 0.632, 0.865, 1], abs=0.03)
        assert found.latency / total == pytest.approx(100_000, rel=0.03)


def test_every_second_is_counted_once_whenever_a_change_comes() -> None:
    world = mesh("a>b", load=DeclaredLoad())
    world.run_for(300_000)
    world.schedule(0, "traffic.load", 2000)
    world.run_for(0)
    assert [timer.due_us for timer in world.kernel.timers.values()] == [181 * SECOND_US]
    world.run_for(10_700_000)
    assert totals(world).entries["default/a"].tried == 180 * 50_000 + 11 * 100_000, "felt in the second it falls into"


def test_many_epochs_at_rest_are_counted_once() -> None:
    world = mesh("a>b")
    before = totals(world).workloads["default/b"].arrived
    for _ in range(40):
        epochs.touch(world)
        world.run_for(1_500_000)
    assert totals(world).workloads["default/b"].arrived - before == 60 * 50_000
    assert len(world.traffic.ledger.durations) <= 2 * len(world.traffic.ledger.counts), "it does not grow for ever"


@pytest.mark.parametrize("load", [None, DeclaredLoad()])
def test_a_caller_without_pods_calls_nobody(load: DeclaredLoad | None) -> None:
    world = mesh("a>b", load=load)
    scale(world, "a", 0)
    world.run_for(60 * SECOND_US)
    before = totals(world)
    world.run_for(60 * SECOND_US)
    (then,), (now,) = before.calls.values(), totals(world).calls.values()
    assert now == then
    assert totals(world).entries["default/a"].errors["connection refused"] >= 60 * 50_000


def test_what_a_client_prints_is_what_it_meets_most() -> None:
    world = mesh("a>b", load=DeclaredLoad(rps=75), profiles={"b": Profile(1, 4000, 1000, queue=200)})
    shed, late = 50_000, 25_000
    call = epochs.current(world).calls[0]
    assert (call.rate, call.error) == (shed + late, "503 from upstream")


def test_who_declares_no_traffic_has_no_queues() -> None:
    """An overload is over with its cause, and nobody gives up on what is slow."""
    world = mesh("a>b", profiles={"b": Profile(1, 1000, 1_500_000)})
    (entry,) = epochs.current(world).entries
    assert (entry.success_permille, entry.latency_us > 1_500_000) == (1000, True)
    world.schedule(0, "traffic.load", 4000)
    world.run_for(60 * SECOND_US)
    assert (epochs.current(world).entries[0].success_permille, waiting(world)) == (500, 0)
    world.schedule(0, "traffic.load", 1000)
    world.run_for(SECOND_US)
    assert epochs.current(world).entries[0].success_permille == 1000


def test_a_request_that_has_failed_makes_no_further_calls() -> None:
    """`b` answers half of them, so `c` is asked by half; whom it asks at once with others it asks all the same."""
    slow = {"b": Profile(1, 4000, 0)}
    assert rates(mesh("a>b", "a>c", profiles=slow)) == {"a": 50_000, "b": 50_000, "c": 25_000}
    assert rates(mesh("a>b", "a>c", profiles={"c": slow["b"]})) == {"a": 50_000, "b": 50_000, "c": 50_000}
    at_once = {"x": DeclaredRequest("a", parallel=True, calls=[DeclaredStep("b"), DeclaredStep("c")])}
    queued = {"b": Profile(1, 4000, 0, queue=0)}
    world = mesh("a>b", "a>c", profiles=queued, requests=at_once)
    assert rates(world) == {"a": 50_000, "b": 50_000, "c": 50_000}


def rates(world: World) -> dict[str, int]:
    return {name.partition("/")[2]: flow.rate for name, flow in epochs.current(world).workloads.items()}


@pytest.mark.parametrize(("cpu_us", "times"), [((3389, 2265), 2), ((5478, 3012), 3)])
def test_what_swings_about_its_rest_comes_to_it(cpu_us: tuple[int, int], times: int) -> None:
    """The more often `b` fails `x`, the fewer calls of `x` come to `c`, and so round by way of `y`."""
    full = {"b": Profile(1, cpu_us[0], 0, queue=0), "c": Profile(1, cpu_us[1], 0, queue=0)}
    b, c = DeclaredStep("b", times), DeclaredStep("c", times)
    requests = {"x": DeclaredRequest("x", calls=[b, c]), "y": DeclaredRequest("y", calls=[DeclaredStep("c"), b])}
    edges = ("x>b", "x>c", "y>c", "y>b")
    world = mesh(*edges, entrypoints="xy", profiles=full, requests=requests, load=DeclaredLoad(rps=100))
    world.run_for(600 * SECOND_US)
    assert [call.success_permille for call in epochs.current(world).calls] != [1000] * 4
    assert not world.kernel.timers


def test_who_is_in_a_hurry_waits_for_room_where_nobody_may_queue() -> None:
    world = mesh(profiles={"a": Profile(1, 1000, 5000)})
    assert epochs.current(world).workloads["default/a"].answer_us == 10_000, "half its time it is busy"
    world.schedule(0, "traffic.load", 4000)
    world.run_for(2 * SECOND_US)
    assert epochs.current(world).workloads["default/a"].answer_us == SECOND_US + 100_000
