"""Which lists a strategic merge patch merges, and by what their items are told apart; all others it replaces.

Source: Kubernetes API reference v1.33 ("patch strategy", "patch merge key" of a field). The field a list stands in says
which one it is, together with the field around it: no two types disagree on such a pair. Lists that only a status has
are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

PLAIN = ""
"""The key of lists of strings: an item is its own key."""

_CONTAINERS = {"env": "name", "ports": "containerPort", "volumeDevices": "devicePath", "volumeMounts": "mountPath"}
_WITHIN: Mapping[str, Mapping[str, str]] = {
    "": {"secrets": "name", "webhooks": "name"},
    "metadata": {"finalizers": PLAIN, "ownerReferences": "uid"},
    "spec": {
        "containers": "name",
        "initContainers": "name",
        "ephemeralContainers": "name",
        "volumes": "name",
        "imagePullSecrets": "name",
        "resourceClaims": "name",
        "schedulingGates": "name",
        "hostAliases": "ip",
        "topologySpreadConstraints": "topologyKey",
        "ports": "port",
        "podCIDRs": PLAIN,
        "drivers": "name",
    },
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers"), _CONTAINERS),
    "webhooks": {"matchConditions": "name"},
}
REPLACED: Mapping[str, str] = {"PodDisruptionBudget": "selector"}
"""Maps in the spec of a kind that a patch replaces as a whole."""

_RETAINED = {("spec", "strategy"), ("spec", "volumes"), ("spec", "resourceClaims")}


def is_retained(around: str | None, field: str) -> bool:
    """Whether a map, or each item of a list, has fields that exclude each other, so that `kubectl apply` names all."""
    return (around, field) in _RETAINED


def merge_key(around: str, field: str) -> str | None:
    """What tells the items of a list apart; None for a list that is replaced.

    >>> merge_key("containers", "ports"), merge_key("spec", "ports"), merge_key("ingress", "ports")
    ('containerPort', 'port', None)
    """
    return _WITHIN.get(around, {}).get(field)
