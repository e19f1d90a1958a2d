"""Typed readings of the manifests the control plane acts on (Kubernetes API reference v1.33).

Only the fields that change behaviour here are read; the rest stays in the manifest untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from stratus_sim.errors import UserError
from stratus_sim.manifests import quantity


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Port(_Spec, frozen=True):
    container_port: int
    name: str | None = None


class Quantities(_Spec, frozen=True):
    """Resource quantities as written: `100m`, `0.5`, `128Mi`."""

    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class NetworkAction(_Spec, frozen=True):
    port: int | str | None = None
    path: str | None = None


class Probe(_Spec, frozen=True):
    """A container probe; seconds and thresholds default as in the API reference."""

    http_get: NetworkAction | None = None
    tcp_socket: NetworkAction | None = None
    grpc: NetworkAction | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    failure_threshold: int | None = None

    @property
    def port(self) -> int | str | None:
        """The port probed; None for an exec probe, which always succeeds here."""
        action = self.http_get or self.tcp_socket or self.grpc
        return action.port if action else None


class Container(_Spec, frozen=True):
    name: str
    image: str = ""
    image_pull_policy: str | None = None
    ports: list[Port] | None = None
    env: list[dict[str, Any]] | None = None
    env_from: list[dict[str, Any]] | None = None
    resources: Quantities | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None


class PodSpec(_Spec, frozen=True):
    containers: list[Container]
    node_selector: dict[str, str] | None = None
    node_name: str | None = None
    volumes: list[dict[str, Any]] | None = None

    @property
    def millicores(self) -> int:
        """CPU requested by all containers, in millicores."""
        return sum(_millicores(_requested(c, "cpu")) for c in self.containers)

    @property
    def memory_mib(self) -> int:
        """Memory requested by all containers, in MiB."""
        return sum(_mib(_requested(c, "memory")) for c in self.containers)


class TemplateMetadata(_Spec, frozen=True):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(_Spec, frozen=True):
    spec: PodSpec
    metadata: TemplateMetadata | None = None


class Selector(_Spec, frozen=True):
    match_labels: dict[str, str] | None = None


class RollingUpdate(_Spec, frozen=True):
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(_Spec, frozen=True):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(_Spec, frozen=True):
    template: Template
    replicas: int | None = None
    selector: Selector | None = None
    strategy: Strategy | None = None
    revision_history_limit: int | None = None
    paused: bool | None = None


class ReplicaSetSpec(_Spec, frozen=True):
    template: Template
    replicas: int | None = None


class StatefulSetSpec(_Spec, frozen=True):
    template: Template
    replicas: int | None = None


class ServicePort(_Spec, frozen=True):
    port: int
    name: str | None = None
    target_port: int | str | None = None


class ServiceSpec(_Spec, frozen=True):
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    type: str | None = None


class NodeSpec(_Spec, frozen=True):
    unschedulable: bool | None = None


_SPECS: dict[str, type[_Spec]] = {
    "Deployment": DeploymentSpec,
    "ReplicaSet": ReplicaSetSpec,
    "StatefulSet": StatefulSetSpec,
    "Pod": PodSpec,
    "Service": ServiceSpec,
    "Node": NodeSpec,
}


def read_spec(manifest: Mapping[str, Any]) -> Any:
    """The typed spec of a manifest, or None for a kind nothing here acts on.

    Raises:
        UserError: a field has the wrong type; the message names object and field.
    """
    kind = manifest.get("kind")
    if kind not in _SPECS:
        return None
    try:
        return msgspec.convert(manifest.get("spec") or {}, _SPECS[kind])
    except msgspec.ValidationError as error:
        name = (manifest.get("metadata") or {}).get("name", "?")
        field = str(error).replace("`$.", "`spec.").replace("`$`", "`spec`")
        raise UserError(f"{kind}/{name}: {field}; mend the manifest") from None


def limit_mib(container: Container) -> int | None:
    """The memory limit of a container in MiB, None when it has none."""
    limits = (container.resources and container.resources.limits) or {}
    return _mib(limits["memory"]) if "memory" in limits else None


_millicores = lru_cache(maxsize=4096)(quantity.millicores)
_mib = lru_cache(maxsize=4096)(quantity.mib)


def cpu_millicores(pod: PodSpec) -> int:
    """The CPU a pod may use: its limits, else its requests; a core where it states neither."""
    total = 0
    for container in pod.containers:
        limits = (container.resources and container.resources.limits) or {}
        total += _millicores(limits["cpu"]) if "cpu" in limits else _millicores(_requested(container, "cpu"))
    return total or 1000


def _requested(container: Container, what: str) -> str | int | float:
    resources = container.resources
    requests = (resources and resources.requests) or {}
    limits = (resources and resources.limits) or {}
    return requests.get(what, limits.get(what, 0))
