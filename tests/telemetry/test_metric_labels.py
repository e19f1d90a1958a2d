"""Labels of the metrics other people's dashboards and rules are written for."""

from __future__ import annotations

from collections.abc import Callable

from stratus_sim.telemetry.metrics import exposition
from stratus_sim.world import World
from tests.telemetry.test_metrics import BATCH, series, value

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
    "container_cpu_usage_seconds_total": "container pod namespace node image cpu",
    "container_cpu_cfs_throttled_periods_total": "container pod namespace node image",
}
"""What dashboards and rules written for the real exporters join and group by."""
MORE = """
apiVersion: batch/v1
kind: Job
metadata: {name: tries}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: [sh, -c, "exit 3"]}]}}
---
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: room}
spec: {hard: {pods: "9"}}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      initContainers: [{name: first, image: i, command: [sh, -c, "exit 0"]}]
      containers:
        - {name: db, image: w, resources: {limits: {cpu: 250m, memory: 64Mi}}}
        - {name: fails, image: i, command: [sh, -c, "exit 1"]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
"""


def test_labels_are_those_of_the_real_exporters(small: Callable[..., World]) -> None:
    world = small(BATCH + "---" + MORE)
    assert value(series(exposition(world)), "kube_job_status_failed", job_name="tries", reason="") >= 1
    found: dict[str, set[frozenset[str]]] = {}
    for name, pairs in series(exposition(world)):
        found.setdefault(name, set()).add(frozenset(label for label, _ in pairs))
    told = {name: sorted(map(sorted, found.get(name, ()))) for name in LABELS}
    assert told == {name: [sorted(labels.split())] for name, labels in LABELS.items()}
