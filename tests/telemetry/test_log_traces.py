"""From a log line to its trace: the ids it has are those of a span that says the same."""

from __future__ import annotations

import re

import pytest

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Answer, Request
from stratus_sim.serve.service import Service
from stratus_sim.telemetry import logs
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.render import timestamp
from stratus_sim.telemetry.traces import find, logged, traces
from stratus_sim.world import World
from tests.application.mesh import mesh, scale
from tests.telemetry.strikes import struck

IDS = re.compile(r" trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16})$")
SERVED = re.compile(r"request served status=(\d+) duration_ms=(\d+)")


def written(world: World) -> list[tuple[str, str]]:
    """Pod and line, of every line that names a trace."""
    found = [(pod.name, line) for pod in world.store.keys("Pod") for line in logs.lines(world, pod)]
    return [(pod, line) for pod, line in found if IDS.search(line)]


@pytest.mark.parametrize("fault", ["", "env-var-wrong-value"])
def test_every_line_of_a_request_leads_to_the_span_it_was_written_in(hotel: World, fault: str) -> None:
    world = struck(hotel, fault, "search", after_s=20) if fault else hotel
    lines = written(world)
    assert len(lines) > 100
    for pod, line in lines[::7]:
        ids = IDS.search(line)
        assert ids is not None
        (span,) = [one for one in find(world, ids[1]) if one.span_id == ids[2]]
        assert (span.pod, timestamp(span.end_us)) == (pod, line.split()[0])
        if served := SERVED.search(line):
            assert (span.kind, span.duration_us // 1000) == ("server", int(served[2]))
            assert (served[1] == "503") == bool(span.error)
        elif "call to" in line:
            assert span.kind == "client" and f"call to {span.operation} failed: {span.error}" in line


def test_one_request_is_told_of_by_everybody_who_worked_on_it(hotel: World) -> None:
    told: dict[str, set[str]] = {}
    for pod, line in written(hotel):
        told.setdefault(line.split("trace_id=")[1][:32], set()).add(pod.rsplit("-", 2)[0])
    trace = find(hotel, next(iter(told)))
    assert told[trace[0].trace_id] == {span.service.partition("/")[2] for span in trace} > {"frontend"}


def test_a_trace_of_the_list_is_found_by_its_id_and_no_other_is(hotel: World) -> None:
    for trace in traces(hotel, 3):
        assert find(hotel, trace[0].trace_id) == trace
    assert find(hotel, "0" * 32) == ()


def test_what_was_written_stays_written_when_the_fault_is_over(hotel: World) -> None:
    struck(hotel, "service-target-port-misconfig", "search", after_s=20)
    before = {line for _, line in written(hotel)}
    failed = {line for line in before if "ERROR" in line and line < timestamp(hotel.now_us - SECOND_US)}
    inject.heal(hotel, "service-target-port-misconfig", ObjectKey("Service", "hotel", "search"))
    hotel.run_for(10 * SECOND_US)
    after = {line for _, line in written(hotel)}
    assert len(failed) > 10 and failed <= after
    healed = timestamp(hotel.now_us - 8 * SECOND_US)
    assert [line for line in after if line > healed] and not [
        line for line in after if line > healed and "ERROR" in line
    ]


def test_all_pods_of_one_instant_tell_of_the_same_requests_and_the_next_instant_of_others() -> None:
    world = mesh("a>b", "a>c")
    fork = world.fork()
    first = logged(world)
    assert logged(world) is first
    assert logged(fork) == first
    for one, name in ((world, "b"), (fork, "c")):
        scale(one, name, 0)
        one.run_for(5 * SECOND_US)
    assert (world.now_us, world.store.version) == (fork.now_us, fork.store.version)
    errors = [{trace[0].error for trace in logged(one)} for one in (world, fork)]
    assert errors == [{"", "b: connection refused"}, {"", "c: connection refused"}]


def test_agents_and_the_served_surface_find_it_too(hotel: World) -> None:
    seen, pod = observe(hotel), written(hotel)[0][0]
    asked = str(seen.logs(pod, "hotel")[-1]).split("trace_id=")[1][:32]
    (shown,) = seen.trace(asked)["data"]
    assert shown["traceID"] == asked
    trace_id = written(hotel)[0][1].split("trace_id=")[1][:32]
    answer = Service(hotel).handle(Request("GET", ("stratus", "traces"), {"traceID": trace_id}))
    assert isinstance(answer, Answer) and isinstance(answer.body, dict)
    assert [len(one["spans"]) for one in answer.body["data"]] == [len(shown["spans"])]
