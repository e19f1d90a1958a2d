"""What an API server serves, and under which paths (API discovery)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from stratus_sim.adapters.kubernetes.connection import Connection, Refused
from stratus_sim.adapters.kubernetes.live import Json
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.manifests.kinds import SERVED

READ = (
    "ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job", "LimitRange",
    "Namespace", "NetworkPolicy", "Node", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "ReplicaSet",
    "ResourceQuota", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount", "StatefulSet",
)  # fmt: skip
"""The kinds that make up an application and what it runs on; other kinds are read where a plan names them."""

READ_CUSTOM = ("NetworkChaos",)
"""Custom kinds the simulator knows the effect of; read where they are installed."""


class Unanswered(UserError):
    """The server does not say what it serves under a path."""


class Served(NamedTuple):
    """One kind as the server serves it."""

    kind: str
    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of one object, or without a name of the collection: all namespaces when none is given."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "")

    def of(self, key: ObjectKey) -> str:
        """The path of an object."""
        return self.path(key.namespace, key.name)


def discover(connection: Connection, extra: Iterable[str] = ()) -> dict[str, Served]:
    """The kinds in `READ`, and those in `extra`, that this server serves.

    Raises:
        UserError: the server does not answer as a Kubernetes API, or serves no kind of that name.
    """
    extra, found = set(extra), dict[str, Served]()
    for version in sorted({SERVED[kind] for kind in (*READ, *(extra & SERVED.keys()))}):
        for served in _of_version(connection, version):
            if served.kind in READ or served.kind in extra:
                found[served.kind] = served
    found |= _custom(connection, {*(extra - found.keys()), *READ_CUSTOM})
    if "Pod" not in found:
        raise UserError(f"{connection.url}: does not answer as a Kubernetes API server: check the kubeconfig")
    missing = sorted(extra - found.keys())
    if missing:
        raise UserError(f"{connection.url}: serves no kind {missing[0]!r}: install its definition, or mend the plan")
    return found


def _custom(connection: Connection, wanted: set[str]) -> dict[str, Served]:
    """A group of which an extension server answers, or does not, is none of ours unless a plan names its kind."""
    groups = _asked(connection, "/apis").get("groups") or ()
    versions = [str(group["preferredVersion"]["groupVersion"]) for group in groups]
    strange = [version for version in versions if version not in SERVED.values()]
    found: dict[str, Served] = {}
    for version in reversed(strange):
        with suppress(Unanswered):
            found |= {served.kind: served for served in reversed(_of_version(connection, version))}
    return {kind: served for kind, served in found.items() if kind in wanted}


def _of_version(connection: Connection, version: str) -> list[Served]:
    listed = _asked(connection, f"/apis/{version}" if "/" in version else f"/api/{version}")
    return [_served(version, entry) for entry in listed.get("resources") or () if "/" not in entry["name"]]


def _asked(connection: Connection, path: str) -> Json:
    """What discovery says of a path, {} for one that is not served. Raises Unanswered for any other refusal."""
    try:
        return connection.send("GET", path)
    except Refused as refused:
        if refused.status == 404:
            return {}
        problem = f"{refused.message} (HTTP {refused.status})"
        raise Unanswered(f"{connection.url}{path}: {problem}: what the server serves cannot be found out") from None


def _served(version: str, entry: Json) -> Served:
    return Served(str(entry["kind"]), version, str(entry["name"]), bool(entry["namespaced"]))
