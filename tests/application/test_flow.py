"""Requests succeed or fail for the reasons a real client would meet, and only for those."""

from __future__ import annotations

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.flow import CallFlow, Flows
from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World

FRONTEND, GEO, SEARCH = (ObjectKey("Deployment", "hotel", name) for name in ("frontend", "geo", "search"))


def change(world: World, key: ObjectKey, patch: dict, seconds: int = 90) -> Flows:
    api.put(world, strategic_merge(world.store.get(key).manifest, patch), "test")
    world.run_for(seconds * SECOND_US)
    return epochs.current(world)


def call(flows: Flows, source: str, target: str) -> CallFlow:
    (found,) = [f for f in flows.calls if (f.call.source, f.call.target) == (source, target)]
    return found


def test_a_healthy_application_answers_everything(hotel: World) -> None:
    flows = epochs.current(hotel)
    assert flows.entries
    assert all(entry.success_permille == 1000 and not entry.error for entry in flows.entries)
    assert all(flow.success_permille == 1000 for flow in flows.workloads.values())


def test_no_pods_behind_a_service_is_a_refused_connection_and_fails_the_users_request(hotel: World) -> None:
    flows = change(hotel, GEO, {"spec": {"replicas": 0}})
    assert call(flows, "search", "geo").error == "connection refused"
    assert flows.entries[0].success_permille == 0


def test_a_service_that_sends_to_a_closed_port_is_a_refused_connection(hotel: World) -> None:
    service = ObjectKey("Service", "hotel", "geo")
    port = hotel.store.get(service).manifest["spec"]["ports"][0]
    flows = change(hotel, service, {"spec": {"ports": [{**port, "targetPort": 1}]}}, seconds=1)
    assert call(flows, "search", "geo").error == "connection refused"


def address(hotel: World, value: str) -> CallFlow:
    (geo,) = [c for c in hotel.application.calls_from("hotel/search") if c.target == "geo"]
    container = {"name": geo.container, "env": [{"name": geo.via.removeprefix("env:"), "value": value}]}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return call(change(hotel, SEARCH, patch), "search", "geo")


@pytest.mark.parametrize(
    ("value", "error"),
    [("nowhere:8083", "no such host: nowhere"), ("geo:9999", "connection refused"), ("", "no such host: ")],
)
def test_a_wrong_address_in_the_environment_fails_once_the_pods_have_restarted(
    hotel: World, value: str, error: str
) -> None:
    flow = address(hotel, value)
    assert flow.success_permille == 0
    assert flow.error == error


def test_a_longer_name_of_the_same_service_still_works(hotel: World) -> None:
    (geo,) = [c for c in hotel.application.calls_from("hotel/search") if c.target == "geo"]
    assert address(hotel, f"geo.hotel.svc.cluster.local:{geo.port}").error == ""


def test_a_partition_times_out_one_way_only(hotel: World) -> None:
    labels = {name: dict(hotel.application.workloads[f"hotel/{name}"].labels) for name in ("search", "geo")}
    spec = {
        "action": "partition",
        "direction": "to",
        "selector": {"labelSelectors": labels["search"]},
        "target": {"selector": {"labelSelectors": labels["geo"]}},
    }
    metadata = {"name": "x", "namespace": "chaos-mesh"}
    chaos = {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos", "metadata": metadata, "spec": spec}
    api.put(hotel, chaos, "test")
    flows = epochs.current(hotel)
    assert call(flows, "search", "geo").error == "deadline exceeded"
    assert call(flows, "search", "rate").error == ""
    api.delete(hotel, ObjectKey("NetworkChaos", "chaos-mesh", "x"), "test")
    assert call(epochs.current(hotel), "search", "geo").error == ""


def test_a_dead_node_times_out_at_once_and_costs_its_share(hotel: World) -> None:
    pods = [p for r in hotel.store.owned(FRONTEND) for p in hotel.store.owned(r.key)]
    assert len({p.status.node for p in pods}) == 2
    nodes.crash(hotel, pods[0].status.node)
    assert epochs.current(hotel).entries[0].success_permille <= 500


def test_more_load_than_capacity_fails_the_excess(hotel: World) -> None:
    hotel.schedule(0, "traffic.load", 5_000)
    hotel.run_for(SECOND_US)
    entry = epochs.current(hotel).entries[0]
    assert 0 < entry.success_permille < 1000
    assert entry.error
    assert any(f.load_permille > 1000 for f in epochs.current(hotel).workloads.values())


def test_latency_grows_with_load(hotel: World) -> None:
    calm = epochs.current(hotel).entries[0].latency_us
    hotel.schedule(0, "traffic.load", 3_000)
    hotel.run_for(SECOND_US)
    assert epochs.current(hotel).entries[0].latency_us > calm


def test_a_soft_call_may_fail_without_failing_the_request(hotel: World) -> None:
    soft = [c for c in hotel.application.calls if not c.hard]
    assert soft, "the embedded application has telemetry nobody depends on"
    flows = change(hotel, ObjectKey("Deployment", "hotel", soft[0].target), {"spec": {"replicas": 0}})
    assert call(flows, soft[0].source, soft[0].target).error == "connection refused"
    assert flows.entries[0].success_permille == 1000
