"""The kinds a cluster serves: group and version, and whether an object lives in a namespace.

Source: Kubernetes API reference, https://kubernetes.io/docs/reference/kubernetes-api/.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_NAMESPACED = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController"
    " ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER = {
    "v1": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
    " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "networking.k8s.io/v1": "IngressClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass VolumeAttachment",
}


def _by_kind(table: dict[str, str]) -> dict[str, str]:
    return {kind: version for version, kinds in table.items() for kind in kinds.split()}


NAMESPACED = _by_kind(_NAMESPACED)
"""Namespaced kind → the apiVersion it is served under."""
CLUSTER_SCOPED = _by_kind(_CLUSTER)
"""Cluster-scoped kind → the apiVersion it is served under."""
SERVED = NAMESPACED | CLUSTER_SCOPED
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds that keep a set of like pods running for as long as they exist."""

SHORT_NAMES = {
    "ConfigMap": "cm", "CronJob": "cj", "CustomResourceDefinition": "crd", "DaemonSet": "ds", "Deployment": "deploy",
    "Endpoints": "ep", "Event": "ev", "HorizontalPodAutoscaler": "hpa", "Ingress": "ing", "LimitRange": "limits",
    "Namespace": "ns", "NetworkPolicy": "netpol", "Node": "no", "PersistentVolume": "pv",
    "PersistentVolumeClaim": "pvc", "Pod": "po", "PodDisruptionBudget": "pdb", "PriorityClass": "pc",
    "ReplicaSet": "rs", "ReplicationController": "rc", "ResourceQuota": "quota", "Service": "svc",
    "ServiceAccount": "sa", "StatefulSet": "sts", "StorageClass": "sc",
}  # fmt: skip
"""What kubectl's users call a kind."""
IN_ALL = (
    "Pod", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "HorizontalPodAutoscaler", "CronJob",
    "Job",
)  # fmt: skip
"""The kinds `kubectl get all` lists."""

_ALSO_SERVED = {("autoscaling/v1", "HorizontalPodAutoscaler")}


def plural(kind: str) -> str:
    """The plural of a kind as API paths have it.

    >>> [plural(kind) for kind in ("Pod", "Ingress", "NetworkPolicy", "Endpoints")]
    ['pods', 'ingresses', 'networkpolicies', 'endpoints']
    """
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"


def is_served(api_version: str, kind: str) -> bool:
    """Whether a current cluster serves this kind under this apiVersion."""
    return SERVED.get(kind) == api_version or (api_version, kind) in _ALSO_SERVED


def is_known(api_version: str, kind: str) -> bool:
    """Whether this is a built-in kind, in any version of its group (`apps/v1beta1` is known, not served)."""
    return _group(SERVED.get(kind, "?/")) == _group(api_version) or _moved(api_version, kind)


@lru_cache(maxsize=4096)
def qualified(api_version: str, kind: str) -> str:
    """The kind, with its group behind it where a custom kind bears the name of a built-in one, as kubectl writes it.

    >>> qualified("v1", "Service"), qualified("serving.knative.dev/v1", "Service")
    ('Service', 'Service.serving.knative.dev')
    """
    ambiguous = kind in SERVED and not is_known(api_version, kind)
    return f"{kind}.{_group(api_version)}" if ambiguous else kind


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _moved(api_version: str, kind: str) -> bool:
    return _group(api_version) == "extensions" and kind in SERVED


def missing_namespace(kinds: Iterable[str]) -> int:
    """How many of these kinds need a namespace."""
    return sum(kind in NAMESPACED for kind in kinds)
