"""Logs, traces and metrics tell of the same requests: who called whom, what came of it, and how often."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest

from stratus_sim.faults import everything, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.snapshot import Snapshot
from stratus_sim.telemetry import logs
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.traces import traces
from stratus_sim.world import World
from tests.telemetry.strikes import STRIKING
from tests.telemetry.test_leaks import SMALL, STRUCK, standing
from tests.telemetry.test_metrics import series

CALLS = "traces_span_metrics_calls_total"
FAILED = re.compile(r"(?:ERROR|WARN) call to (\S+) failed: (.+)")
DETAIL = re.compile(r"(?: \((?:dial tcp |waited \d+ ms for )?[\w.-]+(?::\d+)?\))? trace_id=\w+ span_id=\w+$")
"""What a line says beside the error: where, and for how long."""
WINDOW_S = 5
Error = tuple[str, str, str]


def struck(fault: str) -> World:
    """A fault has been on for a while."""
    return World(_struck(fault))


@cache
def _struck(fault: str) -> Snapshot:
    world = World(standing(STRUCK[fault]))
    targets = everything()[fault].targets(world)
    target = next((key for key in targets if key.name == "geo"), targets[0])
    inject.schedule(world, 0, fault, target)
    world.run_for(100 * SECOND_US)
    return world.snapshot()


def owner_of(pod: str) -> str:
    return pod.rsplit("-", 2)[0]


def logged(world: World) -> set[Error]:
    """(caller, what was called, error) of every line that tells of a call."""
    found = set()
    for pod in world.store.keys("Pod"):
        for line in logs.lines(world, pod):
            if match := FAILED.search(line):
                found.add((owner_of(pod.name), match[1], DETAIL.sub("", match[2])))
    return found


def traced(world: World, limit: int = 400) -> Counter[Error]:
    """How many client spans there are of each; those that went well have no error."""
    spans = [span for trace in traces(world, limit) for span in trace if span.kind == "client"]
    return Counter((span.service.partition("/")[2], span.operation, span.error) for span in spans)


def counted(world: World) -> dict[Error, float]:
    found: dict[Error, float] = {}
    for (name, pairs), value in series(exposition(world, [CALLS])).items():
        labels = dict(pairs)
        if name == CALLS and value:
            found[labels["service_name"], labels["span_name"], labels.get("error_type", "")] = value
    return found


@pytest.mark.parametrize("fault", sorted({*STRIKING, *(fault for fault, name in STRUCK.items() if name in SMALL)}))
def test_every_error_a_log_or_a_span_names_is_counted(fault: str) -> None:
    world = struck(fault)
    known = counted(world).keys()
    assert {error for error in logged(world) if error not in known} == set()
    assert {error for error in traced(world) if error not in known} == set()


@pytest.mark.parametrize("fault", ["scale-to-zero", "service-target-port-misconfig", "network-partition"])
def test_what_fails_shows_in_all_three(fault: str) -> None:
    world = struck(fault)
    errors = [{error for error in found if error[2]} for found in (logged(world), traced(world), counted(world))]
    assert errors[0] & errors[1] & errors[2]


CODES = re.compile(r'service_name="([^"]*)".*status_code="(\d+)"')
STATUS = re.compile(r" status=(\d+) ")


def answered(world: World, seconds: int) -> set[tuple[str, str]]:
    """Service and status code of what was answered in some seconds, as counters say."""
    before = exposition(world, ["http_requests_total"]).splitlines()
    world.run_for(seconds * SECOND_US)
    now = exposition(world, ["http_requests_total"]).splitlines()
    return {(found[1], found[2]) for line in now if line not in before and (found := CODES.search(line))}


@pytest.mark.parametrize("fault", ["feature-flag-payment-failure", "env-var-wrong-value", "mysql-tls-required"])
def test_status_codes_are_the_same_in_counters_logs_and_spans(fault: str) -> None:
    """Also those of a service that fails by itself: it writes of it, and leaves a span."""
    world = struck(fault)
    counted = answered(world, 70)
    written = {
        (owner_of(pod.name), found[1])
        for pod in world.store.keys("Pod")
        for line in logs.lines(world, pod)
        if (found := STATUS.search(line))
    }
    spans = [span for trace in traces(world, 200) for span in trace if span.kind == "server"]
    traced = {(span.service.partition("/")[2], str(span.status)) for span in spans}
    assert written == counted <= traced, "what nobody waits for is traced, not counted"
    assert ("payment", "500") in written or fault != "feature-flag-payment-failure"


@pytest.mark.parametrize("fault", STRIKING)
def test_spans_are_as_many_as_the_counters_rise_by(fault: str) -> None:
    """Once things have settled; both sides are drawn, or rounded to whole requests."""
    world = struck(fault)
    world.run_for(60 * SECOND_US)
    before = counted(world)
    world.run_for(WINDOW_S * SECOND_US)
    rises = {error: value - before.get(error, 0) for error, value in counted(world).items()}
    spans = traced(world, 10_000)
    for caller, called, _ in spans:
        drawn, rose = (
            sum(n for (c, t, _), n in found.items() if (c, t) == (caller, called)) for found in (spans, rises)
        )
        assert drawn == pytest.approx(rose, rel=0.25, abs=20), (caller, called)
    share = [sum(n for (*_, e), n in found.items() if e) / sum(found.values()) for found in (spans, rises)]
    assert share[0] == pytest.approx(share[1], abs=0.1)
