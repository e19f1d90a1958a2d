"""The ClusterRoles for users that every cluster starts with, as far as people bind them.

Follows kubernetes.io/docs/reference/access-authn-authz/rbac ("User-facing roles"): `view` reads what is in a namespace
but Secrets and roles, `edit` writes it and reads Secrets, `admin` writes roles and bindings too, `cluster-admin` may do
anything. Which of them a cluster has under another rule, its objects say: these stand in for those that are not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratus_sim.cluster.objects import Manifest

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_CORE = (
    "configmaps", "events", "persistentvolumeclaims", "pods", "replicationcontrollers", "serviceaccounts", "services",
)  # fmt: skip
_SEEN = ("bindings", "endpoints", "limitranges", "namespaces", "pods/log", "pods/status", "resourcequotas")
_INSIDE = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy")
_WORKLOADS: Mapping[str, tuple[str, ...]] = {
    "apps": ("daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
             "statefulsets/scale"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
}  # fmt: skip


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [*resources], "verbs": [*verbs]}


def _workloads(verbs: Sequence[str]) -> list[Manifest]:
    return [_rule(group, resources, verbs) for group, resources in _WORKLOADS.items()]


_VIEW = [
    _rule("", (*_CORE, *_SEEN), _READ), _rule("apps", ("controllerrevisions",), _READ),
    _rule("discovery.k8s.io", ("endpointslices",), _READ), *_workloads(_READ),
]  # fmt: skip
_EDIT = [
    *_VIEW, _rule("", ("secrets", *_INSIDE), _READ), _rule("", (*_CORE, "secrets"), _WRITE),
    _rule("", _INSIDE, _WRITE), _rule("", ("pods/eviction", "serviceaccounts/token"), ("create",)),
    _rule("", ("serviceaccounts",), ("impersonate",)), *_workloads(_WRITE),
]  # fmt: skip
_ADMIN = [*_EDIT, _rule("rbac.authorization.k8s.io", ("rolebindings", "roles"), (*_READ, *_WRITE))]
_ALL = [_rule("*", ("*",), ("*",)), {"nonResourceURLs": ["*"], "verbs": ["*"]}]

RULES: Mapping[str, Sequence[Manifest]] = {"cluster-admin": _ALL, "admin": _ADMIN, "edit": _EDIT, "view": _VIEW}
"""The rules of each role by name."""
