"""kube-state-metrics that say of many kinds alike when objects came and go, and about namespaces and what they limit.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics (v2.17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_sim.telemetry.metrics.reading import (
    at,
    conditions,
    count,
    described,
    gauge,
    moment,
    one_of,
    owners,
    plain_amount,
)
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_CREATED = (
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler",
    "PodDisruptionBudget", "Node", "Namespace", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota",
    "LimitRange", "ConfigMap", "Secret", "Ingress", "StorageClass", "NetworkPolicy", "Pod", "Service", "Endpoints",
)  # fmt: skip
_DELETED = (
    "Deployment", "StatefulSet", "DaemonSet", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Node",
    "PersistentVolumeClaim", "PersistentVolume", "Pod", "Service",
)  # fmt: skip
_VERSIONED = ("ConfigMap", "Secret", "CronJob", "Ingress")


def _name(kind: str, what: str) -> str:
    return f"kube_{'endpoint' if kind == 'Endpoints' else kind.lower()}_{what}"


for _kind in _CREATED:
    moment(_name(_kind, "created"), _kind, "metadata.creationTimestamp", "Unix creation timestamp.")
for _kind in _DELETED:
    moment(_name(_kind, "deletion_timestamp"), _kind, "metadata.deletionTimestamp", "Unix deletion timestamp.")
for _kind in _VERSIONED:
    _help = "Resource version representing a specific version of the object."
    count(_name(_kind, "metadata_resource_version"), _kind, "metadata.resourceVersion", _help)

described("kube_configmap_info", "ConfigMap", "Information about configmap.", {})
described("kube_secret_info", "Secret", "Information about secret.", {})
described("kube_secret_type", "Secret", "Type about secret.", {"type": "type"})
owners("kube_secret_owner", "Secret")
conditions("kube_namespace_status_condition", "Namespace", "The condition of a namespace.")


def _phase(namespace: Json) -> Iterable[tuple[Labels, float]]:
    return one_of("phase", ("Active", "Terminating"), at(namespace, "status.phase"))


def _quota(quota: Json) -> Iterator[tuple[Labels, float]]:
    for side in ("hard", "used"):
        for resource, found in sorted((at(quota, f"status.{side}") or {}).items()):
            yield {"resource": resource, "type": side}, plain_amount(found)


_CONSTRAINTS = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")


def _limits(body: Json) -> Iterator[tuple[Labels, float]]:
    for limit in at(body, "spec.limits") or ():
        for constraint in _CONSTRAINTS:
            for resource, found in sorted((limit.get(constraint) or {}).items()):
                yield {"resource": resource, "type": limit["type"], "constraint": constraint}, plain_amount(found)


gauge("kube_namespace_status_phase", "Namespace", "kubernetes namespace status phase.", _phase)
gauge("kube_resourcequota", "ResourceQuota", "Information about resource quota.", _quota)
gauge("kube_limitrange", "LimitRange", "Information about limit range.", _limits)
