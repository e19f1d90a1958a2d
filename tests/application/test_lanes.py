"""Every replica has its queue: who is slower is overrun alone, and who comes new does not wait for what others have."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stratus_sim.application import epochs, health
from stratus_sim.application.answers import Manner
from stratus_sim.application.dynamics.board import Board
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.dynamics.durations import within
from stratus_sim.application.dynamics.forward import Conduct
from stratus_sim.application.dynamics.ground import ground_of
from stratus_sim.application.dynamics.state import Outcome
from stratus_sim.application.dynamics.step import work_out
from stratus_sim.application.errors import RESET
from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.application.usage import overrun_since_us
from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest, DeclaredStep
from stratus_sim.telemetry.traces import traces
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale, strain
from tests.application.test_conservation import EDGES, LOADS, PROFILES, balance
from tests.application.test_islands import caller, two_apart

B = "default/b"
SLOW = 700
"""Of CPUs whose node loses so many thousandths, a pod of `two` can carry 15 of its 25 requests a second."""


def two(replicas: int = 2, rps: int = 50, timeout_ms: int = 1000, **pod: Any) -> World:
    """`a` calls replicas of `b` that carry 50 requests a second each and let 200 wait."""
    profile = Profile(1, 2000, 1000, queue=200)
    policies = (DeclaredPolicy("a", "b", timeout_ms=timeout_ms),)
    world = mesh(
        "a>b", replicas=replicas, profiles={"b": profile}, load=DeclaredLoad(rps=rps), policies=policies, **pod
    )
    world.run_for(60 * SECOND_US)
    return world


def pods(world: World, name: str = "b") -> list[Resource]:
    return [pod for pod in world.store.list("Pod") if pod.key.name.startswith(f"{name}-")]


def lanes(world: World) -> list[WorkloadFlow]:
    return [flow for _, flow in epochs.current(world).lanes.get(B, ())]


def slow_down(world: World, permille: int = SLOW) -> Resource:
    """The pod of `b` whose node has been slow from now on."""
    pod = pods(world)[0]
    strain(world, pod.status.node, permille)
    return pod


def waiting(world: World) -> int:
    return totals(world).workloads[B].queued


def test_who_is_slower_is_overrun_alone() -> None:
    world = two()
    assert (epochs.current(world).workloads[B].load_permille, lanes(world)) == (500, [])
    victim = slow_down(world)
    world.run_for(60 * SECOND_US)
    flows = epochs.current(world)
    slow, quick = flows.of(B, victim.uid), next(flows.of(B, p.uid) for p in pods(world) if p.uid != victim.uid)
    assert (slow.rate, slow.load_permille, slow.success_permille) == (25_000, 1666, 600), "15 of 25 a second"
    assert (quick.rate, quick.load_permille, quick.success_permille) == (25_000, 500, 1000)
    assert flows.workloads[B].load_permille == 769, "together they would carry it"
    assert waiting(world) == 200_000, "one queue is full, the other one empty"
    assert slow.latency_us == pytest.approx(200 / 15 * SECOND_US, rel=0.01)
    assert quick.latency_us < 3000
    assert flows.workloads[B].latency_us == (slow.latency_us + quick.latency_us) // 2
    (call,) = flows.calls
    assert (call.success_permille, call.error) == (500, "deadline exceeded")


def test_a_slow_replica_works_its_queue_off_once_it_is_well() -> None:
    world = two()
    slow_down(world)
    world.run_for(60 * SECOND_US)
    slow_down(world, 0)
    world.run_for(4 * SECOND_US)
    assert waiting(world) == 200_000 - 4 * 25_000
    world.run_for(10 * SECOND_US)
    assert (waiting(world), lanes(world), world.traffic.crewed) == (0, [], frozenset()) and not world.kernel.timers
    assert world.traffic.footing is not None and not world.traffic.footing.mixed
    assert epochs.current(world).calls[0].success_permille == 1000
    balance(totals(world))


def test_lanes_are_told_by_who_is_in_them_though_nothing_else_has_changed() -> None:
    world = mesh(replicas=2, profile=Profile(1, 2000, 1000, queue=200), load=DeclaredLoad(rps=20))
    one, other = pods(world, "a")
    strain(world, one.status.node, SLOW)
    world.run_for(10 * SECOND_US)
    before = epochs.current(world)
    strain(world, one.status.node, 0)
    strain(world, other.status.node, SLOW)
    world.run_for(2 * SECOND_US)
    flows = epochs.current(world)
    assert flows.workloads == before.workloads
    assert flows.of("default/a", other.uid) == before.of("default/a", one.uid) != flows.of("default/a", one.uid)


def test_a_roll_out_with_a_smaller_limit_overruns_the_new_replicas_only() -> None:
    world = two(replicas=4, rps=100)
    manifest = deployment("b", 4)
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "20m"}}
    manifest["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    api.put(world, manifest, "test")
    while len(lanes(world)) < 2:
        world.run_for(SECOND_US)
    new, old = lanes(world)
    assert new.rate // new.pods == old.rate // old.pods
    assert new.load_permille == 5 * old.load_permille > 1000, "a fifth of the CPU, as many requests each"
    world.run_for(SECOND_US)
    since_us = {pod.uid: overrun_since_us(world, B, pod) for pod in pods(world) if pod.status.ready}
    assert None in since_us.values() and {*since_us.values()} != {None}
    world.run_for(60 * SECOND_US)
    assert (lanes(world), epochs.current(world).workloads[B].load_permille) == ([], 2500)
    first_us = min(since for since in since_us.values() if since is not None)
    assert {overrun_since_us(world, B, pod) for pod in pods(world)} == {first_us}, "as long as the first of its lane"


def test_who_comes_new_does_not_take_over_what_others_were_left_with() -> None:
    world = two(replicas=1, rps=100)
    assert waiting(world) == 200_000
    scale(world, "b", 3)
    world.run_for(8 * SECOND_US)
    old = next(pod for pod in pods(world) if pod.created_us == 0)
    flows = epochs.current(world)
    new = [flows.of(B, pod.uid) for pod in pods(world) if pod is not old]
    assert [(flow.pods, flow.success_permille, flow.latency_us < 10_000) for flow in new] == [(2, 1000, True)] * 2
    assert waiting(world) > 0 and flows.of(B, old.uid).latency_us > SECOND_US
    world.run_for(60 * SECOND_US)
    assert (waiting(world), lanes(world), epochs.current(world).calls[0].success_permille) == (0, [], 1000)


def test_replicas_for_which_about_as_many_wait_are_one_lane() -> None:
    """Each second 50 more wait for each of two, of which one had 150 a second before the other came."""
    profile = Profile(1, 2000, 1000, queue=1_000_000)
    world = mesh("a>b", profiles={"b": profile}, load=DeclaredLoad(rps=40), policies=(DeclaredPolicy("a", "b"),))
    world.schedule(0, "traffic.load", 5000)
    scale(world, "b", 2)
    world.run_for(15 * SECOND_US)
    assert len(lanes(world)) == 2
    world.run_for(300 * SECOND_US)
    assert lanes(world) == []
    balance(totals(world))


def test_a_pod_that_goes_takes_its_queue_along_and_no_other() -> None:
    world = two(replicas=3)
    slow_down(world, 900)
    world.run_for(5 * SECOND_US)
    left = waiting(world)
    assert left > 20_000
    quick = pods(world)[1]
    world.store.remove(quick.key)
    world.run_for(2 * SECOND_US)
    assert waiting(world) > left and not totals(world).workloads[B].errors.get(RESET)
    left = waiting(world)
    world.store.remove(slow_down(world, 0).key)
    world.run_for(2 * SECOND_US)
    assert totals(world).workloads[B].errors[RESET] == left
    assert waiting(world) == 0
    balance(totals(world))


def test_calls_are_spread_over_all_pods_whatever_becomes_of_them() -> None:
    world = two(replicas=3, rps=30)
    slow, lost, _ = pods(world)
    assert len({pod.status.node for pod in pods(world)}) == 3
    strain(world, slow.status.node, SLOW)
    nodes.crash(world, lost.status.node)
    world.run_for(5 * SECOND_US)
    flows = epochs.current(world)
    assert flows.calls[0].rate == pytest.approx(20_000, abs=10), "a third of `a` is lost, too"
    assert [flow.rate for flow in lanes(world)] == [pytest.approx(20_000 / 3, abs=10)] * 2


def at_once(world: World, name: str) -> None:
    """In one second from now a replica of a workload is another lane than before."""
    strain(world, pods(world, name)[0].status.node, 100)
    world.run_for(SECOND_US)
    assert f"default/{name}" in epochs.current(world).lanes


def test_who_shares_a_replica_keeps_its_part_when_lanes_change() -> None:
    full = {"b": Profile(1, 2000, 1000, queue=0)}
    requests = {name: DeclaredRequest(name, calls=[DeclaredStep("b", calls=[])]) for name in "xy"}
    world = mesh("x>b", "y>b", entrypoints="xy", replicas=2, profiles=full, requests=requests)
    world.schedule(0, "traffic.load", 4000)
    world.run_for(5 * SECOND_US)
    before = [call.success_permille for call in epochs.current(world).calls]
    at_once(world, "b")
    assert before == [250, 250]
    assert [call.success_permille for call in epochs.current(world).calls] == pytest.approx([237, 237], abs=5)


def test_slots_stay_taken_when_lanes_change() -> None:
    """Each replica works on one request at once, for a tenth of a second."""
    world = mesh(replicas=3, profiles={"a": Profile(1, 10, 100_000, concurrency=1, queue=0)}, load=DeclaredLoad(rps=60))
    world.run_for(5 * SECOND_US)
    assert epochs.current(world).entries[0].success_permille == pytest.approx(500, abs=2)
    at_once(world, "a")
    for _ in range(3):
        flows = epochs.current(world)
        assert flows.entries[0].success_permille == pytest.approx(500, abs=2)
        assert {flow.success_permille for _, flow in flows.lanes["default/a"]} <= {499, 500, 501}
        world.run_for(SECOND_US)


def test_who_works_off_a_queue_has_no_more_slots_than_before_others_came() -> None:
    slow = Profile(1, 10, 100_000, concurrency=1, queue=200)
    world = mesh(replicas=1, profiles={"a": slow}, load=DeclaredLoad(rps=20))
    scale(world, "a", 2)
    while len(epochs.current(world).lanes) < 1:
        world.run_for(SECOND_US)
    before = totals(world).workloads["default/a"].queued
    world.run_for(10 * SECOND_US)
    assert before == 200_000 and totals(world).workloads["default/a"].queued == pytest.approx(before, abs=2000)


def test_calls_that_are_not_made_since_one_before_them_fails_are_not_made_when_lanes_change() -> None:
    world = mesh("a>b", "a>c", replicas=2, profiles={"b": Profile(1, 4000, 1000, queue=0)}, load=DeclaredLoad(rps=100))
    world.run_for(30 * SECOND_US)
    before = epochs.current(world).calls[1].rate
    assert before == pytest.approx(50_000, rel=0.05)
    strain(world, next(p for p in pods(world, "a") if p.status.node not in nodes_of(world, "b")).status.node, 100)
    world.run_for(SECOND_US)
    assert "default/a" in epochs.current(world).lanes
    assert epochs.current(world).calls[1].rate == pytest.approx(before, rel=0.05)


def test_who_will_try_again_does_when_lanes_change() -> None:
    """`a` waits three seconds for an answer that takes five, four times."""
    policies = (DeclaredPolicy("a", "b", 3000, 3),)
    world = mesh("a>b", replicas=2, profiles={"b": Profile(1, 10, 5_000_000)}, load=DeclaredLoad(50), policies=policies)
    tried = 4 * 50_000
    assert epochs.current(world).calls[0].rate == tried
    at_once(world, "a")
    for _ in range(5):
        assert epochs.current(world).calls[0].rate == pytest.approx(tried, rel=1e-3)
        world.run_for(SECOND_US)


def nodes_of(world: World, name: str) -> set[str]:
    return {pod.status.node for pod in pods(world, name)}


def probed() -> dict[str, Any]:
    manifest = deployment("b", 2)
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5, "timeoutSeconds": 1, "failureThreshold": 3}
    manifest["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = probe
    return manifest


def test_only_the_replica_that_is_overrun_fails_its_probe() -> None:
    world = two()
    api.put(world, probed(), "test")
    world.run_for(120 * SECOND_US)
    victim = slow_down(world)
    world.run_for(30 * SECOND_US)
    restarts = {pod.uid: pod.status.restarts for pod in pods(world)}
    assert restarts.pop(victim.uid) >= 1
    assert list(restarts.values()) == [0]


def test_kubelets_ask_again_when_others_of_the_replicas_are_late() -> None:
    world = two()
    slow_down(world)
    world.run_for(20 * SECOND_US)
    flows = epochs.current(world)
    (one, slow), (other, quick) = flows.lanes[B]
    assert health.stirred(world, flows, [B]) == []
    swapped = replace(flows, lanes={B: ((other, slow), (one, quick))})
    assert health.stirred(world, swapped, [B]) == [B]


def test_cpu_is_told_of_each_replica() -> None:
    world = two()
    victim = slow_down(world)
    world.run_for(10 * SECOND_US)
    used = {pod.uid: world.processes.cpu_millicores(world, pod, "b") for pod in pods(world)}
    assert used.pop(victim.uid) == 30, "all its node leaves to it"
    assert list(used.values()) == [50]


def test_histograms_show_two_kinds_of_replicas() -> None:
    world = two(timeout_ms=60_000)
    slow_down(world)
    world.run_for(60 * SECOND_US)
    before = totals(world)
    world.run_for(20 * SECOND_US)
    after = totals(world)
    for then, now in ((before.workloads[B], after.workloads[B]), (*before.calls.values(), *after.calls.values())):
        quick = within(now.durations, SECOND_US) - within(then.durations, SECOND_US)
        assert quick == pytest.approx(20 * 25_000, rel=0.15), "half of them"


def test_a_span_that_takes_long_is_one_of_the_slow_replica() -> None:
    world = two()
    victim = slow_down(world)
    world.run_for(10 * SECOND_US)
    found = {span.span_id: span for trace in traces(world, 200) for span in trace}
    served = [span for span in found.values() if (span.service, span.kind) == (B, "server")]
    in_vain = {span.pod for span in served if found[span.parent_id].error == "deadline exceeded"}
    assert in_vain == {victim.key.name}
    assert max(span.duration_us for span in served if not found[span.parent_id].error) < SECOND_US
    late = {span.pod for span in served if span.duration_us > SECOND_US}
    quick = {span.pod for span in served if span.duration_us < 100_000}
    assert (late, quick) == ({victim.key.name}, {pod.key.name for pod in pods(world)} - late)


def test_no_request_is_lost_where_islands_with_lanes_become_one() -> None:
    world = two_apart(x=Profile(1, 2000, 1000, queue=500))
    scale(world, "x", 2)
    world.run_for(20 * SECOND_US)
    strain(world, pods(world, "x")[0].status.node, SLOW)
    world.run_for(20 * SECOND_US)
    before = totals(world).workloads["default/x"].queued
    assert len(epochs.current(world).lanes["default/x"]) == 2 and before > 100_000
    for address in ("x:80", "b:80"):
        api.put(world, caller(address), "test")
        for _ in range(30):
            world.run_for(SECOND_US)
            balance(totals(world))
            assert totals(world).workloads["default/x"].queued >= before
    assert not totals(world).workloads["default/x"].errors


def test_lanes_are_forked_and_sent_elsewhere() -> None:
    world = two()
    slow_down(world)
    world.run_for(3 * SECOND_US)
    other = World(pickle.loads(pickle.dumps(world.snapshot())))
    for one in (world, other):
        one.run_for(7 * SECOND_US)
    assert totals(world) == totals(other)
    assert epochs.current(world) == epochs.current(other)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(EDGES), unique=True, max_size=8),
    LOADS,
    st.dictionaries(st.sampled_from("abcde"), PROFILES),
    st.integers(1, 3),
    st.data(),
)
def test_lanes_alike_come_to_what_one_of_them_all_does(edges, load, profiles, times, data) -> None:
    """Each workload's pods are parted at will from the beginning on: no flow and no count is another."""
    there = {*"ab", *"".join(edges)}
    profiles = {name: profile for name, profile in profiles.items() if name in there}
    world = mesh(*edges, entrypoints=[*"ab"], replicas=4, profiles=profiles, load=load)
    world.run_for(times * SECOND_US)
    board = world.traffic.board
    assert isinstance(board, Board)
    for place, scene in enumerate(board.scenes):
        assert scene is not None
        shape, lanes = board.islands[place].shape, scene.ground.lanes
        parted = tuple([of[:-1] + _parted(of[-1], data.draw(st.integers(0, 2))) for of in lanes])
        still = scene._replace(motion=scene.motion._replace(queues=(), demand=(), busy_us=(), passing=(), lost=()))
        still = still._replace(conduct=_odd(data.draw(st.integers(0, len(lanes) - 1)), len(shape.policies)))
        apart = still._replace(ground=ground_of(shape, parted, scene.ground.landed))
        compare(work_out(still), work_out(apart))


def _odd(workload: int, links: int) -> Conduct:
    """A server that is slow, needs more CPU, and turns some of its callers away: those of every other link."""
    manner = Manner(900_000, "oops", 3000, 1500)
    return Conduct(((workload, manner),), tuple([((workload, n), (500_000, "denied")) for n in range(0, links, 2)]))


def _parted(site, pods):
    return (site.part(pods), site.part(site.pods - pods)) if pods else (site,)


def compare(one: Outcome, other: Outcome) -> None:
    """As far as thousandths of requests can be parted."""
    for was, now in zip(one.workloads, other.workloads, strict=True):
        assert now.pods == was.pods
        assert now.rate == pytest.approx(was.rate, abs=10)
        assert now.load_permille == pytest.approx(was.load_permille, abs=5, rel=0.01)
        assert now.success_permille == pytest.approx(was.success_permille, abs=5 + 20_000 // max(1, was.rate))
    for was, now in zip(one.tally.counts, other.tally.counts, strict=True):
        assert now == pytest.approx(was, abs=50, rel=0.02)
