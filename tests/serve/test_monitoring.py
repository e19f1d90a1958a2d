"""Metrics, alerts and traces of a served world: those of the world, by the clock its objects are dated by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from stratus_sim.cluster.nodes import crash
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Request
from stratus_sim.serve.calendar import Calendar
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.traces import jaeger, traces
from stratus_sim.world import World
from tests.telemetry.test_metrics import series, value

YEAR_S = 365 * 24 * 3600
BEGAN_S = 1735689600


def ask(service: Service, what: str, method: str = "GET", /, **query: str) -> Any:
    return service.handle(Request(method, ("stratus", what), query, {}, b""))


def test_what_is_scraped_is_what_the_world_exposes(hotel: World) -> None:
    answer = ask(Service(hotel), "metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert answer.body == exposition(hotel)


def test_instants_are_those_of_the_calendar_and_nothing_else_moves(hotel: World) -> None:
    later = Calendar(hotel, lambda: BEGAN_S + hotel.now_us / SECOND_US + YEAR_S)
    service = Service(hotel, later)
    before, now = series(exposition(hotel)), series(ask(service, "metrics").body)
    assert before.keys() == now.keys()
    moved = {name: now[name, labels] - old for (name, labels), old in before.items() if now[name, labels] != old}
    assert {*moved.values()} == {later.moved_s()} and abs(later.moved_s() - YEAR_S) < 5
    assert {"kube_deployment_created", "container_start_time_seconds", "kube_pod_container_state_started"} <= {*moved}
    path = ("apis", "apps", "v1", "namespaces", "hotel", "deployments", "geo")
    shown: Any = service.handle(Request("GET", path, {}, {}, b""))
    created = datetime.fromisoformat(shown.body["metadata"]["creationTimestamp"]).timestamp()
    assert value(now, "kube_deployment_created", deployment="geo") == created
    then, traced = jaeger(traces(hotel, 1))["data"], ask(service, "traces", limit="1").body["data"]
    starts = [[span["startTime"] for span in one[0]["spans"]] for one in (then, traced)]
    assert {b - a for a, b in zip(*starts, strict=True)} == {later.moved_s() * 1_000_000}


def test_alerts_have_states(hotel: World) -> None:
    service = Service(hotel)
    crash(hotel, "node-1")
    service.advance(75 * SECOND_US)
    found = ask(service, "alerts").body["data"]["alerts"]
    for state, alerts in (("firing", firing(hotel)), ("pending", pending(hotel))):
        assert alerts
        assert [one["labels"] for one in found if one["state"] == state] == [alert.labels for alert in alerts]


def test_traces_are_chosen_by_service_and_number(hotel: World) -> None:
    service = Service(hotel)
    assert len(ask(service, "traces").body["data"]) == 20
    chosen = ask(service, "traces", limit="3", service="hotel/geo").body
    assert chosen == jaeger(traces(hotel, 3, "hotel/geo")) and len(chosen["data"]) == 3


@pytest.mark.parametrize(
    ("what", "method", "query", "code"),
    [
        ("nothing", "GET", {}, 404), ("metrics", "POST", {}, 405), ("traces", "GET", {"limit": "0"}, 400),
        ("traces", "GET", {"limit": "x"}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_status(
    hotel: World, what: str, method: str, query: dict[str, str], code: int
) -> None:
    answer = ask(Service(hotel), what, method, **query)
    assert (answer.code, answer.body["kind"]) == (code, "Status")
