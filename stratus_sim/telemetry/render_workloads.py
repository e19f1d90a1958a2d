"""The status of workloads, autoscalers and budgets as the API server returns it.

Field names, conditions and their reasons: Kubernetes API reference v1.33, "Workload Resources", "Policy Resources".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stratus_sim.cluster.calendar import moment
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scale_status import AutoscalerStatus
from stratus_sim.cluster.status import (
    DaemonSetStatus,
    DeploymentStatus,
    ReplicaStatus,
    StatefulSetStatus,
)
from stratus_sim.cluster.workloads import progress, proposals
from stratus_sim.cluster.workloads.bounds import bounds, wanted
from stratus_sim.kernel import SECOND_US

Json = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
_PROGRESSING = {
    progress.CREATED: 'Created new replica set "{}"',
    progress.UPDATED: 'ReplicaSet "{}" is progressing.',
    progress.AVAILABLE: 'ReplicaSet "{}" has successfully progressed.',
    progress.EXCEEDED: 'ReplicaSet "{}" has timed out progressing.',
    progress.PAUSED: "Deployment is paused",
    progress.RESUMED: "Deployment is resumed",
}
_PROGRESS = {progress.EXCEEDED: "False", progress.PAUSED: "Unknown", progress.RESUMED: "Unknown"}


def timestamp(time_us: int) -> str:
    """RFC 3339 time of an instant given in microseconds since the world began."""
    return _whole(time_us // SECOND_US)


@lru_cache(maxsize=4096)
def _whole(second: int) -> str:
    return moment(second * SECOND_US).isoformat(timespec="seconds").replace("+00:00", "Z")


def condition(kind: str, holds: bool, since_us: int, reason: str = "") -> Json:
    found = {"type": kind, "status": str(holds), "lastTransitionTime": timestamp(since_us)}
    return {**found, "reason": reason} if reason else found


def _deployment(body: Json, resource: Resource) -> None:
    status: DeploymentStatus = resource.status
    replicas = wanted(resource)
    _annotate(body, status.revision)
    body["status"] = {
        "observedGeneration": status.observed,
        "replicas": status.replicas,
        "updatedReplicas": status.updated,
        "readyReplicas": status.ready,
        "availableReplicas": status.available,
        "unavailableReplicas": max(0, replicas - status.available),
        "conditions": [_available(status, replicas - bounds(resource)[1]), *_progressing(status)],
    }


def _available(status: DeploymentStatus, minimum: int) -> Json:
    holds = status.available >= minimum
    reason = "MinimumReplicasAvailable" if holds else "MinimumReplicasUnavailable"
    message = f"Deployment {'has' if holds else 'does not have'} minimum availability."
    return {**condition("Available", holds, status.since_us, reason), "message": message}


def _progressing(status: DeploymentStatus) -> list[Json]:
    if not status.progress:
        return []
    found = condition("Progressing", True, status.progress_us, status.progress)
    found["message"] = _PROGRESSING[status.progress].format(status.current)
    return [{**found, "status": _PROGRESS.get(status.progress, "True"), "lastUpdateTime": found["lastTransitionTime"]}]


def _replicas(body: Json, resource: Resource) -> None:
    status: ReplicaStatus = resource.status
    if status.revision:
        _annotate(body, status.revision)
    body["status"] = {
        "replicas": status.replicas, "readyReplicas": status.ready, "availableReplicas": status.available,
    }  # fmt: skip


def _annotate(body: Json, revision: int) -> None:
    annotations = body["metadata"].get("annotations") or {}
    body["metadata"]["annotations"] = {**annotations, REVISION: str(revision)}


def _stateful_set(body: Json, resource: Resource) -> None:
    status: StatefulSetStatus = resource.status
    body["status"] = {
        "observedGeneration": status.observed,
        "replicas": status.replicas,
        "readyReplicas": status.ready,
        "availableReplicas": status.available,
        "currentReplicas": status.current_replicas,
        "updatedReplicas": status.updated,
        "currentRevision": status.current,
        "updateRevision": status.update,
    }


def _daemon_set(body: Json, resource: Resource) -> None:
    status: DaemonSetStatus = resource.status
    body["status"] = {
        "observedGeneration": status.observed,
        "desiredNumberScheduled": status.wanted,
        "currentNumberScheduled": status.scheduled,
        "numberMisscheduled": status.misscheduled,
        "numberReady": status.ready,
        "numberAvailable": status.available,
        "numberUnavailable": max(0, status.wanted - status.available),
        "updatedNumberScheduled": status.updated,
    }


def _autoscaler(body: Json, resource: Resource) -> None:
    status: AutoscalerStatus = resource.status
    found: Json = {"currentReplicas": status.current, "desiredReplicas": status.desired}
    if status.last_scale_us is not None:
        found["lastScaleTime"] = timestamp(status.last_scale_us)
    metrics = zip(proposals.metrics_of(resource), status.measured, strict=False)
    found["currentMetrics"] = [_current(metric, value) for metric, value in metrics if value is not None]
    body["status"] = {**found, "conditions": _autoscaler_conditions(status)}


def _current(metric: Any, value: int) -> Json:
    source = metric.resource or metric.container_resource
    unit = "m" if source.name == "cpu" else "Mi"
    share = source.target.type == "Utilization"
    current = {"averageUtilization": value, "averageValue": "0"} if share else {"averageValue": f"{value}{unit}"}
    if metric.type == "Resource":
        return {"type": "Resource", "resource": {"name": source.name, "current": current}}
    named = {"name": source.name, "container": source.container or "", "current": current}
    return {"type": "ContainerResource", "containerResource": named}


_SAID = {
    "ReadyForNewScale": "recommended size matches current size",
    "SucceededRescale": "the HPA controller was able to update the target scale to {desired}",
    "ScaleUpStabilized":
        "recent recommendations were lower than current one, applying the lowest recent recommendation",
    "ScaleDownStabilized":
        "recent recommendations were higher than current one, applying the highest recent recommendation",
    "SucceededGetScale": "the HPA controller was able to get the target's current scale",
    "ValidMetricFound": "the HPA was able to successfully calculate a replica count from {metric}",
    "DesiredWithinRange": "the desired count is within the acceptable range",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
}  # fmt: skip


def _words(status: AutoscalerStatus) -> Mapping[str, int | str]:
    return {"desired": status.desired, "metric": status.metric, "problem": status.problem}


def _autoscaler_conditions(status: AutoscalerStatus) -> list[Json]:
    since_us = status.last_scale_us or 0
    named = (("AbleToScale", status.able), ("ScalingActive", status.active), ("ScalingLimited", status.limited))
    found = [(kind, reason) for kind, reason in named if reason]
    return [
        {
            **condition(kind, reason in _SAID and reason != "DesiredWithinRange", since_us, reason),
            "message": _SAID.get(reason, "{problem}").format_map(_words(status)),
        }
        for kind, reason in found
    ]


WORKLOADS: Mapping[type, Callable[[Json, Resource], None]] = {
    DeploymentStatus: _deployment,
    ReplicaStatus: _replicas,
    StatefulSetStatus: _stateful_set,
    DaemonSetStatus: _daemon_set,
    AutoscalerStatus: _autoscaler,
}
