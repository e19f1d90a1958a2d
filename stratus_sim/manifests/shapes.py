"""The fields of a manifest that this project reads, with the types the API server demands of them.

A `null` counts as absent and unknown fields pass, as in Kubernetes. Source: Kubernetes API reference v1.33.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from stratus_sim.errors import UserError
from stratus_sim.manifests import quantity

IntOrString = int | str
Amount = (
    Annotated[int, msgspec.Meta(ge=0)]
    | Annotated[float, msgspec.Meta(ge=0)]
    | Annotated[str, msgspec.Meta(pattern=quantity.PATTERN)]
)
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""Replicas; the upper bound is ours: more would only exhaust the memory of whoever asks."""
_PERCENTAGE = r"^\d{1,3}%$"
Share = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern=_PERCENTAGE)]
_PLAIN_NAME = r"^[^/\s\x00-\x1f\x7f]{1,253}$"
Name = Annotated[str, msgspec.Meta(pattern=_PLAIN_NAME)]
_IN_WORDS = {
    quantity.PATTERN: "a resource quantity, as 100m or 128Mi",
    _PERCENTAGE: "a whole number or a percentage, as 25%",
    _PLAIN_NAME: "a name of 1 to 253 characters without spaces and slashes",
}


class _Shape(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Metadata(_Shape, frozen=True):
    name: Name
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class KeyRef(_Shape, frozen=True):
    key: str
    name: str = ""
    optional: bool | None = None


class FieldRef(_Shape, frozen=True):
    field_path: str


class ResourceFieldRef(_Shape, frozen=True):
    resource: str


class ValueFrom(_Shape, frozen=True):
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None
    resource_field_ref: ResourceFieldRef | None = None


class EnvVar(_Shape, frozen=True):
    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class SourceRef(_Shape, frozen=True):
    name: str = ""
    optional: bool | None = None


class EnvFrom(_Shape, frozen=True):
    prefix: str | None = None
    config_map_ref: SourceRef | None = None
    secret_ref: SourceRef | None = None


class ContainerPort(_Shape, frozen=True):
    container_port: int
    name: str | None = None
    protocol: str | None = None


class Action(_Shape, frozen=True):
    port: IntOrString


class Probe(_Shape, frozen=True):
    http_get: Action | None = None
    tcp_socket: Action | None = None
    grpc: Action | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class Resources(_Shape, frozen=True):
    requests: dict[str, Amount] | None = None
    limits: dict[str, Amount] | None = None


class VolumeMount(_Shape, frozen=True):
    name: str
    mount_path: str
    sub_path: str | None = None


class Container(_Shape, frozen=True):
    name: str
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    env_from: list[EnvFrom] | None = None
    ports: list[ContainerPort] | None = None
    resources: Resources | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    volume_mounts: list[VolumeMount] | None = None


class KeyToPath(_Shape, frozen=True):
    key: str
    path: str


class ConfigMapVolume(_Shape, frozen=True):
    name: str = ""
    items: list[KeyToPath] | None = None
    optional: bool | None = None


class SecretVolume(_Shape, frozen=True):
    secret_name: str = ""
    items: list[KeyToPath] | None = None
    optional: bool | None = None


class Volume(_Shape, frozen=True):
    name: str
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None


class PodSpec(_Shape, frozen=True):
    containers: Annotated[list[Container], msgspec.Meta(min_length=1)]
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    node_selector: dict[str, str] | None = None
    node_name: str | None = None


class TemplateMetadata(_Shape, frozen=True):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(_Shape, frozen=True):
    spec: PodSpec
    metadata: TemplateMetadata | None = None


class LabelSelector(_Shape, frozen=True):
    match_labels: dict[str, str] | None = None


class RollingUpdate(_Shape, frozen=True):
    max_surge: Share | None = None
    max_unavailable: Share | None = None


class Strategy(_Shape, frozen=True):
    type: str | None = None
    rolling_update: RollingUpdate | None = None


class WorkloadSpec(_Shape, frozen=True):
    template: Template
    selector: LabelSelector
    replicas: Count | None = None
    strategy: Strategy | None = None
    revision_history_limit: int | None = None
    paused: bool | None = None


class Workload(_Shape, frozen=True):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    metadata: Metadata
    spec: WorkloadSpec


class Pod(_Shape, frozen=True):
    metadata: Metadata
    spec: PodSpec


class ServicePort(_Shape, frozen=True):
    port: int
    name: str | None = None
    target_port: IntOrString | None = None
    protocol: str | None = None


class ServiceSpec(_Shape, frozen=True):
    type: str | None = None
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None


class Service(_Shape, frozen=True):
    metadata: Metadata
    spec: ServiceSpec


class KeyValues(_Shape, frozen=True):
    """A ConfigMap or a Secret."""

    metadata: Metadata
    data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


class NodeStatus(_Shape, frozen=True):
    capacity: dict[str, Amount] | None = None
    allocatable: dict[str, Amount] | None = None


class NodeSpec(_Shape, frozen=True):
    unschedulable: bool | None = None


class Node(_Shape, frozen=True):
    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus | None = None


class Other(_Shape, frozen=True):
    metadata: Metadata


SHAPES: Mapping[str, type[_Shape]] = {
    "Deployment": Workload,
    "StatefulSet": Workload,
    "DaemonSet": Workload,
    "ReplicaSet": Workload,
    "Pod": Pod,
    "Service": Service,
    "ConfigMap": KeyValues,
    "Secret": KeyValues,
    "Node": Node,
}

_AT = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")


def read_shape(value: Mapping[str, Any], where: str) -> Any:
    """The typed reading of an object, one of SHAPES or Other.

    `where` leads the message. Raises UserError, naming the object and the field's path, for an object that the API
    server would refuse for a field's type or absence.
    """
    kind = str(value["kind"])
    try:
        return msgspec.convert(value, SHAPES.get(kind, Other))
    except msgspec.ValidationError as error:
        raise UserError(_explain(value, where, str(error))) from None


def _explain(value: Mapping[str, Any], where: str, problem: str) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    at = _AT.search(problem)
    path, text = (at["path"], problem[: at.start()]) if at else ("", problem)
    pattern = next((words for regex, words in _IN_WORDS.items() if repr(regex) in text), None)
    if pattern:
        return f"{where}: {value['kind']} {name!r}: field {path or 'at the top'}: Expected {pattern}"
    quote = "; quote the value to make it a string" if "Expected `str" in text else ""
    return f"{where}: {value['kind']} {name!r}: field {path or 'at the top'}: {text}{quote}"
