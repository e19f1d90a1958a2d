"""Fields no update may touch, whatever the verb: who the object is, what the server sets, what cannot be set back.

Sources: Kubernetes API conventions ("Metadata", "Typical status properties"); API reference v1.33 and the validation
of updates it describes, kind by kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .footprint import Footprint, Path


@dataclass(frozen=True)
class Guarded:
    """Fields that stay as they are, and why."""

    name: str
    fields: Footprint
    why: str


def _away(*patterns: str) -> Footprint:
    return Footprint(patterns, around=False)


IDENTITY = Guarded(
    "identity",
    _away("apiVersion", "kind", "metadata name", "metadata namespace"),
    "says which object it is and cannot change",
)
SERVER_SET = Guarded(
    "server_set",
    _away(
        "metadata uid", "metadata resourceVersion", "metadata generation", "metadata creationTimestamp",
        "metadata deletionTimestamp", "metadata deletionGracePeriodSeconds", "metadata managedFields **",
        "metadata selfLink", "status **",
    ),
    "is set by the server alone",
)  # fmt: skip
FINALIZERS = _away("metadata finalizers **")

_SELECTOR = ("spec selector **",)
_IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "ClusterRoleBinding": ("roleRef **",),
    "DaemonSet": _SELECTOR,
    "Deployment": _SELECTOR,
    "Node": ("spec podCIDR", "spec podCIDRs **", "spec providerID"),
    "ReplicaSet": _SELECTOR,
    "RoleBinding": ("roleRef **",),
    "Secret": ("type",),
    "Service": ("spec clusterIP", "spec clusterIPs **"),
    "StatefulSet": (
        *_SELECTOR, "spec serviceName", "spec podManagementPolicy", "spec volumeClaimTemplates **",
    ),
}  # fmt: skip
_ONE_WAY: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": ("immutable",),
    "Secret": ("immutable",),
}


@lru_cache(maxsize=64)
def guarded(kind: str) -> tuple[Guarded, ...]:
    """What an update of an object of this kind must leave alone, or it is not the catalogue's."""
    one_way = (*FINALIZERS.patterns, *_ONE_WAY.get(kind, ()))
    return (
        IDENTITY,
        SERVER_SET,
        Guarded("immutable", _away(*_IMMUTABLE.get(kind, ())), "is immutable"),
        Guarded("one_way", _away(*one_way), "can be set but not set back"),
    )


def refusal(kind: str, writes: Footprint, paths: Iterable[Path], *, update: bool) -> str:
    """Why a write to these paths is outside what a verb may touch; "" when it is inside.

    `update` says that the object is there before and after: then what is `guarded` is out of bounds as well. A
    creation or a deletion writes the object as a whole; of that, only what the server sets is not the agent's.
    """
    walls = guarded(kind) if update else (SERVER_SET,)
    for path in paths:
        wall = next((wall for wall in walls if wall.fields.covers(path)), None)
        if wall is not None:
            return f"{'.'.join(path)} {wall.why}"
        if not writes.covers(path):
            return f"{'.'.join(path)} is not what this verb writes"
    return ""
