"""The columns kubectl prints of storage, policy and other objects, between NAME and AGE.

Source: the API server's printers (kubernetes.io/docs/reference/kubectl/ "Server-side columns").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stratus_sim.telemetry import render_endpoints
from stratus_sim.telemetry.render import Json

Narrow = tuple[tuple[str, Callable[[Json], Any]], ...]
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(modes: Iterable[str] | None) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _claim_status(claim: Json) -> str:
    return "Terminating" if "deletionTimestamp" in claim["metadata"] else str(claim["status"]["phase"])


def _holder(volume: Json) -> str:
    held = _spec(volume).get("claimRef") or {}
    return f"{held['namespace']}/{held['name']}" if held.get("name") else ""


def _spec(item: Json) -> Mapping[str, Any]:
    return item.get("spec") or {}


def _status(item: Json) -> Mapping[str, Any]:
    return item.get("status") or {}


def _used(of_limits: bool) -> Callable[[Json], str]:
    """What a quota has given away of what it has, of limits or of the rest."""

    def cell(quota: Json) -> str:
        hard, used = (_status(quota).get(part) or {} for part in ("hard", "used"))
        names = [name for name in sorted(hard) if name.startswith("limits.") is of_limits]
        return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names)

    return cell


def _selector(policy: Json) -> str:
    found = (_spec(policy).get("podSelector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(found.items())) or "<none>"


COLUMNS: Mapping[str, Narrow] = {
    render_endpoints.KIND: (("Endpoints", render_endpoints.cell),),
    "PersistentVolumeClaim": (
        ("Status", _claim_status), ("Volume", lambda item: _spec(item).get("volumeName", "")),
        ("Capacity", lambda item: (_status(item).get("capacity") or {}).get("storage", "")),
        ("Access Modes", lambda item: _modes(_status(item).get("accessModes"))),
        ("StorageClass", lambda item: _spec(item).get("storageClassName", "")),
    ),
    "PersistentVolume": (
        ("Capacity", lambda item: (_spec(item).get("capacity") or {}).get("storage", "")),
        ("Access Modes", lambda item: _modes(_spec(item).get("accessModes"))),
        ("Reclaim Policy", lambda item: _spec(item).get("persistentVolumeReclaimPolicy", "Retain")),
        ("Status", _claim_status), ("Claim", _holder),
        ("StorageClass", lambda item: _spec(item).get("storageClassName", "")),
    ),
    "StorageClass": (
        ("Provisioner", lambda item: item["provisioner"]),
        ("ReclaimPolicy", lambda item: item.get("reclaimPolicy", "Delete")),
        ("VolumeBindingMode", lambda item: item.get("volumeBindingMode", "Immediate")),
        ("AllowVolumeExpansion", lambda item: str(bool(item.get("allowVolumeExpansion"))).lower()),
    ),
    "ResourceQuota": (("Request", _used(of_limits=False)), ("Limit", _used(of_limits=True))),
    "PodDisruptionBudget": (
        ("Min Available", lambda item: _spec(item).get("minAvailable", "N/A")),
        ("Max Unavailable", lambda item: _spec(item).get("maxUnavailable", "N/A")),
        ("Allowed Disruptions", lambda item: _status(item).get("disruptionsAllowed", 0)),
    ),
    "PriorityClass": (
        ("Value", lambda item: item["value"]),
        ("Global-Default", lambda item: str(bool(item.get("globalDefault"))).lower()),
    ),
    "NetworkPolicy": (("Pod-Selector", _selector),),
    "RoleBinding": (("Role", lambda item: f"{item['roleRef']['kind']}/{item['roleRef']['name']}"),),
    "ClusterRoleBinding": (("Role", lambda item: f"{item['roleRef']['kind']}/{item['roleRef']['name']}"),),
}  # fmt: skip
