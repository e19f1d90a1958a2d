"""Counters of requests never fall, add up, and say of each call what its client met."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.dynamics.counters import totals
from stratus_sim.application.errors import REFUSED, RESET
from stratus_sim.cluster import api
from stratus_sim.faults import FAULTS, everything, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.telemetry.metrics import METRICS, exposition
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.application.mesh import mesh, scale
from tests.telemetry.strikes import STRIKING
from tests.telemetry.test_metrics import series, total, value

COUNTERS = tuple(row.name for row in METRICS.values() if row.type in ("counter", "histogram"))
OF_CONTAINERS = ("kube_pod", "container_")
"""Go with their container, and begin with the next from zero."""
CPU = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate"


@pytest.mark.parametrize("fault", STRIKING)
def test_no_counter_falls_and_none_is_lost(hotel: World, fault: str) -> None:
    before = series(exposition(hotel, COUNTERS))
    target = FAULTS[fault].targets(hotel)[0]
    inject.schedule(hotel, 0, fault, target)
    for step in range(4):
        hotel.run_for(17 * SECOND_US)
        if step == 2:
            inject.heal(hotel, fault, target)
        after = series(exposition(hotel, COUNTERS))
        of_requests = {key for key in before if not key[0].startswith(OF_CONTAINERS)}
        assert of_requests <= after.keys()
        assert [key for key in of_requests if after[key] < before[key]] == []
        before = after


def test_requests_are_those_that_were_made(hotel: World) -> None:
    then = series(exposition(hotel, COUNTERS))
    hotel.run_for(20 * SECOND_US)
    now = series(exposition(hotel, COUNTERS))
    served = {"service_name": "frontend", "namespace": "hotel"}
    made = total(now, "http_requests_total", **served) - total(then, "http_requests_total", **served)
    assert made == pytest.approx(20 * epochs.current(hotel).workloads["hotel/frontend"].rate / 1000, abs=2)
    name = "http_server_request_duration_seconds"
    counted = value(now, f"{name}_count", **served) - value(then, f"{name}_count", **served)
    took_s = value(now, f"{name}_sum", **served) - value(then, f"{name}_sum", **served)
    assert counted == made
    assert value(now, f"{name}_bucket", le="+Inf", **served) == value(now, f"{name}_count", **served)
    assert took_s / counted == pytest.approx(epochs.current(hotel).workloads["hotel/frontend"].latency_us / 1e6, 0.05)


def test_counts_are_whole_requests(hotel: World) -> None:
    found = series(exposition(hotel, COUNTERS))
    count = totals(hotel).workloads["hotel/search"]
    answered = total(found, "http_requests_total", service_name="search")
    assert 0 <= (count.arrived - count.errors.get(REFUSED, 0)) / 1000 - answered < 4
    assert [v for (n, _), v in found.items() if not n.endswith(("_sum", "_seconds_total")) and v != int(v)] == []


def test_a_server_that_fails_answers_so_and_its_clients_say_why() -> None:
    world = mesh("a>b")
    before = series(exposition(world, COUNTERS))
    scale(world, "b", 0)
    world.run_for(30 * SECOND_US)
    found = series(exposition(world, COUNTERS))
    new = {key: v - before.get(key, 0) for key, v in found.items()}
    assert total(new, "http_requests_total", service_name="a", http_response_status_code="503") > 1000
    error = {"service_name": "a", "span_name": "b", "error_type": "connection refused"}
    refused = value(found, "traces_span_metrics_calls_total", status_code="STATUS_CODE_ERROR", **error)
    assert refused > 1000
    client = "http_client_request_duration_seconds"
    spans = total(found, "traces_span_metrics_calls_total", service_name="a")
    assert value(found, f"{client}_count", service_name="a", server_address="b") == pytest.approx(spans, abs=2)
    assert total(new, "http_requests_total", service_name="b") < 100


def test_a_full_server_turns_away_with_503() -> None:
    world = mesh()
    world.schedule(0, "traffic.load", 400_000)
    world.run_for(20 * SECOND_US)
    found = series(exposition(world, ["http_requests_total"]))
    assert total(found, "http_requests_total", service_name="a", http_response_status_code="503") > 1000


def test_what_was_answered_is_what_took_time() -> None:
    """Under overload, with a queue, and when pods that hold requests are killed."""
    profiles = {"a": Profile(latency_us=1000, cpu_us_per_request=4000, queue=200)}
    world = mesh(load=DeclaredLoad(rps=100), profiles=profiles, replicas=2)
    world.run_for(30 * SECOND_US)
    for key in list(world.store.keys("Pod")):
        api.delete(world, key, "test", grace_s=0)
    world.run_for(300_000)
    assert totals(world).workloads["default/a"].queued or totals(world).workloads["default/a"].shed
    world.run_for(60 * SECOND_US)
    count = totals(world).workloads["default/a"]
    assert count.shed and count.errors[RESET]
    found = series(exposition(world, COUNTERS))
    answered, name = total(found, "http_requests_total"), "http_server_request_duration_seconds"
    assert 0 <= value(found, f"{name}_count") - answered < 4, "each of the codes is rounded down"
    assert value(found, f"{name}_bucket", le="+Inf") == value(found, f"{name}_count")


def test_databases_do_not_count_themselves(hotel: World) -> None:
    found = series(exposition(hotel, COUNTERS))
    services = {dict(pairs).get("service_name", "") for _, pairs in found}
    assert {"frontend", "geo"} <= services
    assert not [name for name in services if "mongodb" in name or "memcached" in name or name == "jaeger"]
    assert total(found, "http_client_request_duration_seconds_count", server_address="mongodb-geo") > 1000


def test_a_busy_container_uses_its_cpu(hotel: World) -> None:
    calm = value(series(exposition(hotel, [CPU])), CPU, container="geo")
    hotel.schedule(0, "traffic.load", 2000)
    hotel.run_for(5 * SECOND_US)
    busy = value(series(exposition(hotel, [CPU])), CPU, container="geo")
    assert 0 < calm < busy <= 1.0
    assert busy == pytest.approx(2 * calm, rel=0.05)


def test_what_consumers_are_behind_by(shared_manifests: Path) -> None:
    world = Stage(Source(manifests=str(shared_manifests / "otel-demo"))).standing(0)
    assert total(series(exposition(world, ["kafka_consumergroup_lag"])), "kafka_consumergroup_lag") == 0
    fault = everything()["kafka-poison-pill"]
    inject.schedule(world, 0, fault.name, fault.targets(world)[0])
    world.run_for(120 * SECOND_US)
    found = series(exposition(world, ["kafka_consumergroup_lag"]))
    assert max(found.values()) > 100
    assert all(dict(pairs)["service_name"] == "kafka" for _, pairs in found)
