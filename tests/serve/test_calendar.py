"""Dates: the world's own, or such that its present is today."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stratus_sim.cluster import api
from stratus_sim.serve import serve
from stratus_sim.serve.answers import Answer, Request
from stratus_sim.serve.calendar import SLACK_S, Calendar
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.render import timestamp
from stratus_sim.world import World
from tests.serve.conftest import kubectl_for

NOON_S = datetime(2031, 5, 6, 12, tzinfo=UTC).timestamp()
GEO = "apis/apps/v1/namespaces/hotel/deployments/geo"


def read(service: Service, path: str):
    answer = service.handle(Request("GET", tuple(path.split("/"))))
    assert isinstance(answer, Answer)
    return answer.body


def test_without_a_clock_dates_are_the_worlds(hotel: World) -> None:
    assert Calendar(hotel).now() == timestamp(hotel.now_us)
    assert read(Service(hotel), GEO)["metadata"]["creationTimestamp"] == "2025-01-01T00:00:00Z"


def test_the_present_is_the_clocks(hotel: World) -> None:
    service, age_s = Service(hotel, Calendar(hotel, lambda: NOON_S)), hotel.now_us / 1_000_000
    geo, events = read(service, GEO), read(service, "api/v1/namespaces/hotel/events")["items"]
    assert read(service, "stratus/clock")["now"] == "2031-05-06T11:59:59Z"
    assert _before_noon_s(geo["metadata"]["creationTimestamp"]) == age_s + 1
    found = [geo["status"]["conditions"][0]["lastTransitionTime"], *(e["lastTimestamp"] for e in events)]
    assert all(0 <= _before_noon_s(date) <= age_s + 1 for date in found)
    pods = read(service, "api/v1/namespaces/hotel/pods")["items"]
    for pod in pods:
        started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        assert 0 <= _before_noon_s(started) <= age_s + 1
    log = read(service, f"api/v1/namespaces/hotel/pods/{pods[0]['metadata']['name']}/log")
    assert log.startswith("2031-05-06T11:5")


def _before_noon_s(date: str) -> float:
    return NOON_S - datetime.fromisoformat(date).timestamp()


def test_what_users_wrote_is_not_redated(hotel: World) -> None:
    text = "2025-03-04T05:06:07Z"
    metadata = {"name": "one", "namespace": "hotel", "annotations": {"restartedAt": text}}
    body = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": metadata, "status": {"checkedAt": text}}
    api.put(hotel, {**body, "spec": {"dueTime": text}}, "user")
    shown = read(Service(hotel, Calendar(hotel, lambda: NOON_S)), "apis/example.org/v1/namespaces/hotel/widgets/one")
    assert (shown["metadata"]["annotations"], shown["spec"]) == ({"restartedAt": text}, {"dueTime": text})
    assert shown["status"] == {"checkedAt": text}


def test_dates_stand_still_while_both_clocks_go_alike(hotel: World) -> None:
    clock = [NOON_S]
    calendar = Calendar(hotel, lambda: clock[0])
    first = calendar.dated(timestamp(0))
    for _ in range(5):
        clock[0] += 1.1
        hotel.run_for(1_000_000)
    assert calendar.dated(timestamp(0)) == first
    for drift_s in (SLACK_S, -0.6, -5):
        clock[0] += drift_s
        assert 0 <= clock[0] - datetime.fromisoformat(calendar.now()).timestamp() <= SLACK_S


@pytest.mark.parametrize("advance_s", [0, 3000])
def test_kubectl_counts_simulated_time(hotel: World, kubectl_home: Path, tmp_path: Path, advance_s: int) -> None:
    """By its own clock; what happens just now is seconds old, whatever the speed."""
    with serve(hotel, dated_today=True) as running:
        kubectl = kubectl_for(running, kubectl_home, tmp_path)
        running.advance(advance_s)
        scaled = kubectl("scale", "deploy", "geo", "--replicas=2")
        assert scaled.code == 0
        described = kubectl("describe", "deploy", "geo").out
        ages = re.findall(r"ScalingReplicaSet +(\S+)", described)
        assert re.fullmatch(r"\d{1,2}s", ages[-1]), described
        assert re.fullmatch(r"53m" if advance_s else r"(2m5|3m)\d*s?", ages[0]), described
        held = json.loads(kubectl("get", "deploy", "geo", "-o", "json").out)
        assert abs(datetime.fromisoformat(held["metadata"]["creationTimestamp"]).timestamp() - time.time()) < 4000
        assert kubectl("replace", "-f", "-", text=json.dumps(held)).code == 0
