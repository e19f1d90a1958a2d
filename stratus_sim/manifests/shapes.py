"""The fields of a manifest that this project reads, with the types the API server demands of them.

A `null` counts as absent and unknown fields pass, as in Kubernetes. Source: Kubernetes API reference v1.33.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from stratus_sim.errors import UserError
from stratus_sim.manifests.ingress_shapes import INGRESS_SHAPES
from stratus_sim.manifests.names import expect_name
from stratus_sim.manifests.pod_shapes import IN_WORDS, NAMESPACE, Amount, Metadata, NamespaceName, PodSpec, Port
from stratus_sim.manifests.policy_shapes import POLICY_SHAPES
from stratus_sim.manifests.selector_shapes import Shape
from stratus_sim.manifests.storage_shapes import STORAGE_SHAPES
from stratus_sim.manifests.workload_shapes import WORKLOAD_SHAPES


class Pod(Shape, frozen=True):
    metadata: Metadata
    spec: PodSpec

    def __post_init__(self) -> None:
        self.spec.mounts_its_volumes("spec.")


TargetPort = Annotated[int, msgspec.Meta(ge=0, le=65535)] | str
"""0, as tools write it, is the port of the Service itself."""


class ServicePort(Shape, frozen=True):
    port: Port
    name: str | None = None
    target_port: TargetPort | None = None
    protocol: str | None = None


class ServiceSpec(Shape, frozen=True):
    type: str | None = None
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    publish_not_ready_addresses: bool | None = None


class Service(Shape, frozen=True):
    metadata: Metadata
    spec: ServiceSpec


class KeyValues(Shape, frozen=True):
    """A ConfigMap or a Secret."""

    metadata: Metadata
    data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


class NodeStatus(Shape, frozen=True):
    capacity: dict[str, Amount] | None = None
    allocatable: dict[str, Amount] | None = None


class Taint(Shape, frozen=True):
    key: str
    effect: str
    value: str | None = None


class NodeSpec(Shape, frozen=True):
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class Node(Shape, frozen=True):
    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus | None = None


class PriorityClass(Shape, frozen=True):
    """A scheduling.k8s.io/v1 PriorityClass has no spec."""

    metadata: Metadata
    value: int
    global_default: bool | None = None
    preemption_policy: str | None = None

    @property
    def spec(self) -> PriorityClass:
        return self


class Other(Shape, frozen=True):
    metadata: Metadata


SHAPES: Mapping[str, type[Shape]] = {
    **WORKLOAD_SHAPES,
    **POLICY_SHAPES,
    **STORAGE_SHAPES,
    **INGRESS_SHAPES,
    "Pod": Pod,
    "Service": Service,
    "ConfigMap": KeyValues,
    "Secret": KeyValues,
    "Node": Node,
    "PriorityClass": PriorityClass,
}

_AT = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")


def read_shape(value: Mapping[str, Any], where: str) -> Any:
    """The typed reading of an object, one of SHAPES or Other.

    `where` leads the message. Raises UserError, naming the object and the field's path, for an object that the API
    server would refuse for a field's type or absence.
    """
    kind = str(value["kind"])
    try:
        found: Any = msgspec.convert(value, SHAPES.get(kind, Other))
        expect_name(kind, found.metadata.name)
    except (msgspec.ValidationError, ValueError) as error:
        raise UserError(_explain(value, where, str(error))) from None
    return found


def expect_namespace(name: str) -> None:
    """Raises UserError for what `metadata.namespace` could not hold."""
    try:
        msgspec.convert(name, NamespaceName)
    except msgspec.ValidationError:
        raise UserError(f"namespace {name!r}: expected {IN_WORDS[NAMESPACE]}") from None


def _explain(value: Mapping[str, Any], where: str, problem: str) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    at = _AT.search(problem)
    path, text = (at["path"], problem[: at.start()]) if at else ("", problem)
    pattern = next((words for regex, words in IN_WORDS.items() if repr(regex) in text), None)
    if pattern:
        return f"{where}: {value['kind']} {name!r}: field {path or 'at the top'}: Expected {pattern}"
    quote = "; quote the value to make it a string" if "Expected `str" in text else ""
    return f"{where}: {value['kind']} {name!r}: field {path or 'at the top'}: {text}{quote}"
