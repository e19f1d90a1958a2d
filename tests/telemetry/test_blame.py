"""Which requests arrive, and whose fault it is that one fails: shares as the flows have them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stratus_sim.application import epochs
from stratus_sim.application.errors import REFUSED, RESET, TIMED_OUT, UPSTREAM
from stratus_sim.application.flow import CallFlow, Flows, WorkloadFlow
from stratus_sim.manifests.calls import Call
from stratus_sim.telemetry.arrivals import reach_permille
from stratus_sim.telemetry.blame import guilty
from stratus_sim.telemetry.luck import Luck
from stratus_sim.telemetry.traces import traces
from stratus_sim.world import World
from tests.application.mesh import mesh

DRAWS = 2000


def told_by(world: World, flows: Flows) -> None:
    """Make these the flows of the last minute."""
    world.traffic.flows, world.traffic.past, world.traffic.solved_at = flows, ((0, flows),), world.store.version


def call(success_permille: int, error: str = UPSTREAM, *, hard: bool = True) -> CallFlow:
    return CallFlow(Call("n", "a", "b", 80, "declared", "a", hard), 1000, success_permille, 1000, error)


def server(success_permille: int, pods: int = 1, rate: int = 1000) -> WorkloadFlow:
    return WorkloadFlow(rate, success_permille, 1000, 100, pods)


def shares(workload: WorkloadFlow, *calls: CallFlow) -> dict[int | None, float]:
    """How often each is found guilty, of many requests."""
    found = [guilty(workload, calls, Luck(1, "a", f"request {number}")) for number in range(DRAWS)]
    return {who: round(found.count(who) / DRAWS, 2) for who in {*found}}


def test_a_workload_whose_calls_all_succeed_fails_by_itself() -> None:
    assert shares(server(500), call(1000), call(1000)) == {None: 1.0}
    assert shares(server(500)) == {None: 1.0}


def test_a_call_that_always_fails_is_always_to_blame() -> None:
    assert shares(server(0), call(1000), call(0)) == {1: 1.0}


def test_what_comes_after_a_call_that_fails_is_not_made() -> None:
    assert shares(server(0), call(1000), call(0), call(0)) == {1: 1.0}
    found = shares(server(250), call(500), call(500))
    assert found == pytest.approx({0: 0.67, 1: 0.33}, abs=0.04)


def test_a_soft_call_never_is() -> None:
    assert shares(server(0), call(0, hard=False), call(0)) == {1: 1.0}
    assert shares(server(900), call(0, hard=False)) == {None: 1.0}


def test_blame_is_shared_out_in_proportion() -> None:
    """Alone it fails one request in ten, its first call one in ten, its second three in ten."""
    found = shares(server(567), call(900), call(700))
    assert found == pytest.approx({None: 0.2, 0: 0.2, 1: 0.6}, abs=0.04)


@pytest.mark.parametrize(
    ("error", "success", "answered", "pods", "reached"),
    [
        (REFUSED, 0, 1000, 1, 0),
        (TIMED_OUT, 500, 1000, 1, 500),
        (TIMED_OUT, 250, 500, 1, 500),
        (TIMED_OUT, 0, 0, 1, 1000),
        ("no such host: b", 0, 1000, 1, 0),
        ("server misbehaving: b", 0, 1000, 1, 0),
        ("i/o timeout: b", 500, 1000, 1, 500),
        ("502 Bad Gateway", 0, 1000, 1, 0),
        ("503 Service Temporarily Unavailable", 0, 1000, 1, 0),
        ("504 Gateway Time-out", 0, 1000, 1, 0),
        ("404 Not Found", 0, 1000, 1, 0),
        (RESET, 0, 1000, 1, 1000),
        (UPSTREAM, 0, 0, 1, 1000),
        ("FATAL: password authentication failed", 0, 1000, 1, 1000),
        ("", 1000, 1000, 1, 1000),
        (REFUSED, 0, 0, 0, 0),
    ],
)
def test_who_gets_through(error: str, success: int, answered: int, pods: int, reached: int) -> None:
    assert reach_permille(call(success, error), server(answered, pods)) == reached


def test_what_is_stopped_before_arrives_nowhere_behind() -> None:
    world = mesh("a>b", "b>c")
    flows = epochs.current(world)
    cut = {"success_permille": 250, "error": TIMED_OUT}
    calls = tuple(replace(flow, **cut) if flow.call.source == "a" else flow for flow in flows.calls)
    fails = {**flows.workloads, "default/a": replace(flows.workloads["default/a"], success_permille=250)}
    told_by(world, type(flows)(fails, calls, flows.entries))
    found = traces(world, 1000)
    reached = [sum(any(s.service == f"default/{name}" for s in trace) for trace in found) for name in "abc"]
    assert [count / len(found) for count in reached] == pytest.approx([1, 0.25, 0.25], abs=0.15)


def test_a_call_that_may_be_cut_off_or_fail_behind_does_both() -> None:
    """Half of b and half of c are out of reach: of the calls of b that fail, a third have reached it."""
    world = mesh("a>b", "b>c")
    flows, answered = epochs.current(world), {"a": 250, "b": 500, "c": 1000}
    workloads = {name: replace(flow, success_permille=answered[name[-1]]) for name, flow in flows.workloads.items()}
    calls = tuple(replace(f, success_permille=answered[f.call.source], error=TIMED_OUT) for f in flows.calls)
    told_by(world, type(flows)(workloads, calls, flows.entries))
    failed = [trace for trace in traces(world, 1000) if trace[0].error]
    behind = [trace for trace in failed if any(s.service == "default/b" and s.error for s in trace)]
    assert len(failed) > 100
    assert len(behind) / len(failed) == pytest.approx(1 / 3, abs=0.1)


def test_who_dies_with_a_request_leaves_no_span_of_it() -> None:
    world = mesh("a>b")
    flows = epochs.current(world)
    sick = {name: replace(flow, success_permille=500) for name, flow in flows.workloads.items()}
    told_by(
        world,
        type(flows)(sick, tuple(replace(f, success_permille=500, error=RESET) for f in flows.calls), flows.entries),
    )
    failed = [trace for trace in traces(world, 1000) if trace[0].error]
    assert failed and {span.service for trace in failed for span in trace} == {"default/a"}


def test_a_server_that_answers_with_words_of_its_own_is_quoted() -> None:
    world = mesh("a>b")
    flows, said = epochs.current(world), "ERROR: canceling statement due to user request"
    half = {name: replace(flow, success_permille=500) for name, flow in flows.workloads.items()}
    calls = tuple(replace(flow, success_permille=500, error=said) for flow in flows.calls)
    told_by(world, type(flows)(half, calls, flows.entries))
    errors = {s.error for trace in traces(world, 1000) for s in trace if s.kind == "client" and s.error}
    assert errors == {said}
