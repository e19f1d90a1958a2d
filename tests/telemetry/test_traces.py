"""Traces: trees that add up, drawn the same each time, that fail where and as often as the flows say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.errors import TIMED_OUT
from stratus_sim.cluster import nodes
from stratus_sim.faults import everything, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic import RequestType, Step, Traffic
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.traces import Span, Trace, jaeger, traces
from stratus_sim.telemetry.traces.requests import OVERLOADED
from stratus_sim.telemetry.traces.sampling import WINDOW_US
from stratus_sim.world import World
from tests.application.mesh import mesh, scale
from tests.telemetry.strikes import struck


def children(trace: Trace, parent: Span) -> list[Span]:
    return [span for span in trace if span.parent_id == parent.span_id]


def edges(trace: Trace) -> list[tuple[str, str, str]]:
    """Kind, who wrote it, operation: the calls of a trace in order."""
    return [(span.kind, span.service.partition("/")[2], span.operation) for span in trace]


def check_tree(trace: Trace) -> None:
    """One root; parents first; a client calls from its server's pod; who is not cut off contains its children."""
    known: dict[str, Span] = {}
    for span in trace:
        assert span.span_id not in known
        assert (span.parent_id in known) == bool(known)
        if known:
            parent = known[span.parent_id]
            assert span.kind != parent.kind
            assert span.start_us >= parent.start_us
            assert span.end_us <= parent.end_us or parent.error == TIMED_OUT
            assert span.kind == "server" or (span.service, span.pod) == (parent.service, parent.pod)
        known[span.span_id] = span
    assert {span.trace_id for span in trace} == {trace[0].trace_id}


def test_a_healthy_application_is_traced_down_to_its_databases(hotel: World) -> None:
    found = traces(hotel, 50)
    assert len(found) == 50
    for trace in found:
        check_tree(trace)
        assert not [span for span in trace if span.error]
    assert len({trace[0].trace_id for trace in found}) == 50
    assert {trace[0].service for trace in found} == {"hotel/frontend"}
    called = {(span.service, span.operation) for span in found[0] if span.kind == "client"}
    hard = {(c.source_key, c.target) for c in hotel.application.calls if c.hard and c.source_key != "hotel/jaeger"}
    assert called == hard
    wrote = {span.service for span in found[0]}
    assert "hotel/geo" in wrote
    assert not [service for service in wrote if "mongodb" in service or "memcached" in service or "jaeger" in service]


def test_spans_take_as_long_as_the_flows_say(hotel: World) -> None:
    flows = epochs.current(hotel)
    found = traces(hotel, 200)
    mean_us = sum(trace[0].duration_us for trace in found) / len(found)
    assert mean_us == pytest.approx(flows.workloads["hotel/frontend"].latency_us, rel=0.2)


def test_the_same_request_is_drawn_the_same_whoever_looks_and_when(hotel: World) -> None:
    now = traces(hotel)
    assert now == traces(hotel.fork())
    hotel.run_for(SECOND_US // 10)
    later = {trace[0].trace_id: trace for trace in traces(hotel)}
    again = [trace for trace in now if trace[0].trace_id in later]
    assert 0 < len(again) < len(now)
    assert all(later[trace[0].trace_id] == trace for trace in again)


def test_requests_that_are_not_answered_yet_are_not_there(hotel: World) -> None:
    found = traces(hotel)
    assert all(trace[0].end_us <= hotel.now_us for trace in found)
    assert [trace[0].start_us for trace in found] == sorted(trace[0].start_us for trace in found)
    assert hotel.now_us - found[-1][0].start_us < SECOND_US


def test_a_failure_shows_where_it_began_and_all_the_way_up(hotel: World) -> None:
    found = traces(struck(hotel, "env-var-wrong-value", "search"))
    assert found
    for trace in found:
        check_tree(trace)
        failed = [span for span in trace if span.error]
        assert [(s.kind, s.service) for s in failed] == [
            ("server", "hotel/frontend"),
            ("client", "hotel/frontend"),
            ("server", "hotel/search"),
            ("client", "hotel/search"),
        ]
        assert failed[-1].error == "connection refused"
        assert children(trace, failed[-1]) == []


def test_who_is_cut_off_waits_for_a_connection_and_its_clients_as_long_as_it_does(hotel: World) -> None:
    """Nobody says that these clients give up earlier."""
    found = traces(struck(hotel, "network-partition", "search"))
    assert found
    for trace in found:
        check_tree(trace)
        [cut] = [span for span in trace if span.error == TIMED_OUT]
        assert (cut.service, cut.operation, cut.duration_us) == ("hotel/search", "geo", SECOND_US)
        assert children(trace, cut) == []
        assert trace[0].duration_us > SECOND_US


def test_who_gives_up_waits_for_the_timeout_and_its_server_works_longer() -> None:
    hurried = DeclaredPolicy("a", "b", timeout_ms=200)
    profiles = {"b": Profile(latency_us=500_000, cpu_us_per_request=10)}
    world = mesh("a>b", policies=[hurried], profiles=profiles)
    world.run_for(30 * SECOND_US)
    found = traces(world)
    assert found
    for trace in found:
        check_tree(trace)
        [late] = [span for span in trace if span.error == TIMED_OUT]
        assert late.duration_us == 200_000
        [slow] = children(trace, late)
        assert slow.end_us > late.end_us


def test_as_many_fail_as_the_flows_say() -> None:
    world = mesh("a>b", profiles={"b": Profile(latency_us=1000, cpu_us_per_request=4000)})
    share = epochs.current(world).entries[0].success_permille / 1000
    assert 0.1 < share < 0.9
    found = traces(world, 400)
    assert sum(not trace[0].error for trace in found) / len(found) == pytest.approx(share, abs=0.1)
    assert all(bool(trace[0].error) == any(span.error for span in trace) for trace in found)
    last = [[span for span in trace if span.error][-1] for trace in found if trace[0].error]
    assert ("server", OVERLOADED) in {(span.kind, span.error) for span in last}


def test_what_reaches_no_process_leaves_no_trace(hotel: World) -> None:
    fork = hotel.fork()
    assert traces(struck(hotel, "scale-to-zero", "frontend")) == []
    assert traces(struck(fork, "service-target-port-misconfig", "frontend")) == []


def test_half_of_the_requests_end_on_a_node_that_is_silent() -> None:
    world = mesh(replicas=2)
    first, second = world.store.list("Pod")
    nodes.crash(world, first.status.node)
    world.run_for(20 * SECOND_US)
    found = traces(world, 1000)
    assert {span.pod for trace in found for span in trace} == {second.key.name}
    made = epochs.current(world).entries[0].rate * WINDOW_US / 1000 / SECOND_US
    assert len(found) / made == pytest.approx(0.5, abs=0.15)
    assert not [span for trace in found for span in trace if span.error]


def test_a_database_that_turns_clients_away_is_quoted(hotel: World) -> None:
    fault = everything()["mongodb-auth-revoked"]
    inject.schedule(hotel, 0, fault.name, fault.targets(hotel)[0])
    hotel.run_for(60 * SECOND_US)
    last = {[span for span in trace if span.error][-1].error for trace in traces(hotel)}
    assert last
    assert all(error.startswith("(Unauthorized)") for error in last)


def test_one_service_only(hotel: World) -> None:
    world = mesh("a>b", "c>d", entrypoints=("a", "c"))
    assert {trace[0].service for trace in traces(world)} == {"default/a", "default/c"}
    found = traces(world, 5, service="default/d")
    assert len(found) == 5
    assert {trace[0].service for trace in found} == {"default/c"}
    assert traces(world, 0) == []


def test_a_circle_is_gone_round_once() -> None:
    trace = traces(mesh("a>b", "b>c", "c>a", "c>b"), 1)[0]
    check_tree(trace)
    expected = [("server", "a", "a"), ("client", "a", "b"), ("server", "b", "b"), ("client", "b", "c")]
    assert edges(trace) == [*expected, ("server", "c", "c")]


def test_nobody_waits_for_a_soft_call() -> None:
    world = mesh("a>b", soft=["a>c"])
    scale(world, "c", 0)
    world.run_for(5 * SECOND_US)
    for trace in traces(world):
        [failed] = [span for span in trace if span.error]
        assert (failed.kind, failed.operation, failed.error) == ("client", "c", "connection refused")
        assert trace[0].error == ""


def test_a_soft_call_is_not_to_blame() -> None:
    world = mesh("a>b", soft=["a>c"])
    scale(world, "b", 0)
    scale(world, "c", 0)
    world.run_for(5 * SECOND_US)
    found = traces(world)
    assert {trace[0].error for trace in found} == {"b: connection refused"}


def test_request_types_make_the_calls_they_declare() -> None:
    world = mesh("a>b", "a>c", "c>d")
    b, c, _ = world.application.calls
    types = (
        RequestType("browse", "default/a", 3, True, (Step(b, 2, False, None), Step(c, 1, False, ()))),
        RequestType("buy", "default/a", 1, False, (Step(c, 1, False, None),)),
    )
    world.application = replace(world.application, traffic=Traffic(types))
    by_name: dict[str, list[Trace]] = {"browse": [], "buy": []}
    for trace in traces(world, 200):
        check_tree(trace)
        by_name[trace[0].operation].append(trace)
    assert 2 < len(by_name["browse"]) / len(by_name["buy"]) < 4.5
    browse, buy = by_name["browse"][0], by_name["buy"][0]
    assert [span.operation for span in children(browse, browse[0])] == ["b", "b", "c"]
    assert len({span.start_us for span in children(browse, browse[0])}) == 1, "at once"
    assert [e[1:] for e in edges(buy) if e[0] == "client"] == [("a", "c"), ("c", "d")]


def test_a_client_that_tries_again_leaves_a_span_each_time() -> None:
    """The pauses between tries double."""
    policy = DeclaredPolicy("a", "b", retries=2, backoff_ms=40)
    world = mesh("a>b", load=DeclaredLoad(rps=50), policies=(policy,))
    assert all(len(children(trace, trace[0])) == 1 for trace in traces(world))
    scale(world, "b", 0)
    world.run_for(20 * SECOND_US)
    found = traces(world)
    assert found
    for trace in found:
        check_tree(trace)
        tries = children(trace, trace[0])
        assert [span.error for span in tries] == ["connection refused"] * 3
        pauses = [after.start_us - before.end_us for before, after in pairwise(tries)]
        assert pauses == [40_000, 80_000]


def test_jaegers_shape(hotel: World) -> None:
    found = traces(struck(hotel, "env-var-wrong-value", "search"), 2)
    answer = jaeger(found)
    assert len(answer["data"]) == 2
    shown, trace = answer["data"][0], found[0]
    assert {span["traceID"] for span in shown["spans"]} == {shown["traceID"]}
    assert len(shown["traceID"]) == 32
    assert {len(span["spanID"]) for span in shown["spans"]} == {16}
    assert shown["spans"][0]["references"] == []
    assert shown["spans"][1]["references"][0]["spanID"] == shown["spans"][0]["spanID"]
    assert shown["spans"][0]["startTime"] == 1735689600 * SECOND_US + trace[0].start_us
    named = {p: process["serviceName"] for p, process in shown["processes"].items()}
    assert [named[s["processID"]] for s in shown["spans"]] == [s.service.partition("/")[2] for s in trace]
    tags = {tag["key"]: tag["value"] for tag in shown["spans"][-1]["tags"]}
    assert tags == {
        "span.kind": "client", "error": True, "otel.status_code": "ERROR",
        "otel.status_description": "connection refused", "error.type": "connection refused",
        "server.address": trace[-1].operation,
    }  # fmt: skip
    calls = [span for span in shown["spans"] if span["operationName"] == "search"]
    root, first = ({t["key"]: (t["type"], t["value"]) for t in s["tags"]} for s in (shown["spans"][0], calls[0]))
    assert root["http.response.status_code"] == first["http.response.status_code"] == ("int64", 503)
    assert root["error.type"] == first["error.type"] == ("string", "503")
    assert ("server.address" in root, first["server.address"]) == (False, ("string", "search"))


def test_an_answer_that_came_too_late_has_no_status_for_who_gave_up() -> None:
    profiles = {"b": Profile(latency_us=500_000, cpu_us_per_request=10)}
    world = mesh("a>b", policies=[DeclaredPolicy("a", "b", timeout_ms=200)], profiles=profiles)
    world.run_for(30 * SECOND_US)
    spans = jaeger(traces(world, 1))["data"][0]["spans"]
    codes = [{tag["key"]: tag["value"] for tag in span["tags"]}.get("http.response.status_code") for span in spans]
    assert codes == [503, None, 200]


def test_a_database_answers_in_no_http(hotel: World) -> None:
    (trace,) = jaeger(traces(hotel, 1))["data"]
    calls = {span["operationName"]: {t["key"] for t in span["tags"]} for span in trace["spans"] if span["references"]}
    assert "http.response.status_code" in calls["search"]
    assert not any("http.response.status_code" in keys for name, keys in calls.items() if "mongodb" in name)
    assert any("mongodb" in name for name in calls)


def test_the_view_of_an_agent_is_enough(hotel: World) -> None:
    found = traces(observe(hotel)._view)
    assert len(found) == 20
    for trace in found:
        check_tree(trace)
