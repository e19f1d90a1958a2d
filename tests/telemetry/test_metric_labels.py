"""Labels of the metrics other people's dashboards and rules are written for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratus_sim.serve.answers import Answer, Request
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.world import World
from tests.telemetry.manifests import BATCH, database, job, text
from tests.telemetry.test_metrics import series, value

LABELS = {
    "kube_pod_info": "pod namespace uid node host_ip pod_ip created_by_kind created_by_name priority_class "
    "host_network",
    "kube_pod_owner": "pod namespace uid owner_kind owner_name owner_is_controller",
    "kube_pod_created": "pod namespace uid",
    "kube_pod_status_phase": "pod namespace uid phase",
    "kube_pod_container_status_last_terminated_reason": "container pod namespace uid reason",
    "kube_pod_container_status_restarts_total": "container pod namespace uid",
    "kube_pod_container_resource_limits": "container pod namespace uid node resource unit",
    "kube_pod_init_container_status_restarts_total": "container pod namespace uid",
    "kube_deployment_status_condition": "deployment namespace condition reason status",
    "kube_deployment_status_replicas_available": "deployment namespace",
    "kube_statefulset_status_update_revision": "statefulset namespace revision",
    "kube_node_status_condition": "node condition status",
    "kube_job_failed": "job_name namespace condition",
    "kube_job_status_failed": "job_name namespace reason",
    "kube_job_owner": "job_name namespace owner_kind owner_name owner_is_controller",
    "kube_horizontalpodautoscaler_info": "horizontalpodautoscaler namespace scaletargetref_api_version "
    "scaletargetref_kind scaletargetref_name",
    "kube_persistentvolumeclaim_info": "persistentvolumeclaim namespace storageclass volumename volumemode",
    "kube_service_info": "service namespace uid cluster_ip external_name external_traffic_policy load_balancer_ip",
    "kube_namespace_status_phase": "namespace phase",
    "kube_resourcequota": "resourcequota namespace resource type",
    "container_cpu_usage_seconds_total": "container pod namespace node image id name cpu",
    "container_cpu_cfs_throttled_periods_total": "container pod namespace node image id name",
    "up": "namespace job service pod instance",
    "container_network_receive_bytes_total": "interface pod namespace node image id name",
    "container_network_transmit_packets_dropped_total": "interface pod namespace node image id name",
}
"""What dashboards and rules written for the real exporters join and group by."""
MORE = (
    job("tries", "sh", "-c", "exit 3"),
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
    {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "room"}, "spec": {"hard": {"pods": "9"}}},
    *database(),
)


def test_addresses_are_those_the_api_shows(hotel: World) -> None:
    found = series(exposition(hotel, ["kube_pod_info", "kube_service_info", "up"]))
    shown = {body["metadata"]["name"]: body for body in listed(hotel, "pods")}
    services = {body["metadata"]["name"]: body for body in listed(hotel, "services")}
    pods = [dict(pairs) for name, pairs in found if name == "kube_pod_info"]
    told = [(shown[pod["pod"]]["status"], pod) for pod in pods]
    assert [(status["podIP"], status["hostIP"]) for status, _ in told] == [(p["pod_ip"], p["host_ip"]) for _, p in told]
    reached = [dict(pairs) for name, pairs in found if name == "kube_service_info"]
    assert {one["service"]: one["cluster_ip"] for one in reached} == {
        name: body["spec"]["clusterIP"] for name, body in services.items()
    }
    scraped = [dict(pairs) for name, pairs in found if name == "up"]
    assert all(one["instance"].partition(":")[0] == shown[one["pod"]]["status"]["podIP"] for one in scraped)
    assert {one["instance"].partition(":")[2] for one in scraped if one["job"] == "frontend"} == {"5000"}


def listed(world: World, plural: str) -> list[dict[str, Any]]:
    answer = Service(world).handle(Request("GET", ("api", "v1", plural), {}))
    assert isinstance(answer, Answer) and isinstance(answer.body, dict)
    return list(answer.body["items"])


def test_labels_are_those_of_the_real_exporters(small: Callable[..., World]) -> None:
    world = small(text(*BATCH, *MORE))
    assert value(series(exposition(world)), "kube_job_status_failed", job_name="tries", reason="") >= 1
    found: dict[str, set[frozenset[str]]] = {}
    for name, pairs in series(exposition(world)):
        found.setdefault(name, set()).add(frozenset(label for label, _ in pairs))
    told = {name: sorted(map(sorted, found.get(name, ()))) for name in LABELS}
    assert told == {name: [sorted(labels.split())] for name, labels in LABELS.items()}
