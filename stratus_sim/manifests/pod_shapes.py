"""A pod's fields, and what every other shape is built from.

Source: Kubernetes API reference v1.33, "Pod" and "PodTemplateSpec".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from stratus_sim.manifests import names, pod_rules, quantity
from stratus_sim.manifests.scheduling_shapes import Affinity, SpreadConstraint
from stratus_sim.manifests.selector_shapes import Shape

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
PortOrName = Port | str
Amount = (
    Annotated[int, msgspec.Meta(ge=0)]
    | Annotated[float, msgspec.Meta(ge=0)]
    | Annotated[str, msgspec.Meta(pattern=quantity.PATTERN)]
)
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""Replicas; the upper bound is ours: more would only exhaust the memory of whoever asks."""
_PERCENTAGE = r"^\d{1,3}%$"
Share = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern=_PERCENTAGE)]
NAMESPACE = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
NamespaceName = Annotated[str, msgspec.Meta(pattern=NAMESPACE)]
IN_WORDS = {
    quantity.PATTERN: "a resource quantity, as 100m or 128Mi",
    _PERCENTAGE: "a whole number or a percentage, as 25%",
    NAMESPACE: "1 to 63 lowercase letters, digits and inner dashes",
}
"""What the patterns above ask for, for messages."""


class Metadata(Shape, frozen=True):
    name: str
    namespace: NamespaceName | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def __post_init__(self) -> None:
        names.expect_labels("labels", self.labels)
        names.expect_annotations(self.annotations)


class KeyRef(Shape, frozen=True):
    key: str
    name: str = ""
    optional: bool | None = None


class FieldRef(Shape, frozen=True):
    field_path: str


class ResourceFieldRef(Shape, frozen=True):
    resource: str


class ValueFrom(Shape, frozen=True):
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None
    resource_field_ref: ResourceFieldRef | None = None


class EnvVar(Shape, frozen=True):
    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class SourceRef(Shape, frozen=True):
    name: str = ""
    optional: bool | None = None


class EnvFrom(Shape, frozen=True):
    prefix: str | None = None
    config_map_ref: SourceRef | None = None
    secret_ref: SourceRef | None = None


class ContainerPort(Shape, frozen=True):
    container_port: Port
    host_port: int | None = None
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    name: str | None = None
    protocol: str | None = None


class Action(Shape, frozen=True):
    port: PortOrName
    path: str | None = None
    scheme: str | None = None
    service: str | None = None


class ExecAction(Shape, frozen=True):
    command: list[str] | None = None


class SleepAction(Shape, frozen=True):
    seconds: int


class Hook(Shape, frozen=True):
    exec: ExecAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Shape, frozen=True):
    post_start: Hook | None = None
    pre_stop: Hook | None = None


class Probe(Shape, frozen=True):
    exec: ExecAction | None = None
    http_get: Action | None = None
    tcp_socket: Action | None = None
    grpc: Action | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None
    termination_grace_period_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None

    @property
    def asks(self) -> bool:
        return (self.exec or self.http_get or self.tcp_socket or self.grpc) is not None


class Resources(Shape, frozen=True):
    requests: dict[str, Amount] | None = None
    limits: dict[str, Amount] | None = None

    def __post_init__(self) -> None:
        if self.requests and self.limits:
            pod_rules.within_limits(self.requests, self.limits)


class VolumeMount(Shape, frozen=True):
    name: str
    mount_path: str
    sub_path: str | None = None


class Container(Shape, frozen=True):
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
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    lifecycle: Lifecycle | None = None
    restart_policy: Literal["Always"] | None = None

    def __post_init__(self) -> None:
        for name, once in (("liveness", True), ("readiness", False), ("startup", True)):
            probe: Probe | None = getattr(self, f"{name}_probe")
            if probe is not None:
                pod_rules.probed(f"{name}Probe", asks=probe.asks, successes=probe.success_threshold, once=once)


class KeyToPath(Shape, frozen=True):
    key: str
    path: str


class ConfigMapVolume(Shape, frozen=True):
    name: str = ""
    items: list[KeyToPath] | None = None
    optional: bool | None = None


class SecretVolume(Shape, frozen=True):
    secret_name: str = ""
    items: list[KeyToPath] | None = None
    optional: bool | None = None


class ClaimVolume(Shape, frozen=True):
    claim_name: str


class Volume(Shape, frozen=True):
    name: str
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None


class Toleration(Shape, frozen=True):
    key: str | None = None
    operator: Literal["Equal", "Exists"] | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: int | None = None

    def __post_init__(self) -> None:
        pod_rules.tolerable(self.key, self.operator, self.value, self.effect, self.toleration_seconds)


class ReadinessGate(Shape, frozen=True):
    condition_type: str


class SchedulingGate(Shape, frozen=True):
    name: str


class PodSpec(Shape, frozen=True):
    containers: Annotated[list[Container], msgspec.Meta(min_length=1)]
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    node_selector: dict[str, str] | None = None
    node_name: str | None = None
    restart_policy: Literal["Always", "OnFailure", "Never"] | None = None
    tolerations: list[Toleration] | None = None
    priority_class_name: str | None = None
    priority: int | None = None
    preemption_policy: str | None = None
    image_pull_secrets: list[SourceRef] | None = None
    termination_grace_period_seconds: Annotated[int, msgspec.Meta(ge=0)] | None = None
    active_deadline_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    affinity: Affinity | None = None
    topology_spread_constraints: list[SpreadConstraint] | None = None
    host_network: bool | None = None
    readiness_gates: list[ReadinessGate] | None = None
    overhead: dict[str, Amount] | None = None
    scheduler_name: str | None = None
    scheduling_gates: list[SchedulingGate] | None = None

    def __post_init__(self) -> None:
        if len(self.containers) > 1 or self.init_containers:
            pod_rules.once_each("containers.name", [c.name for c in (*(self.init_containers or ()), *self.containers)])
        names.expect_labels("nodeSelector", self.node_selector)
        if self.volumes:
            pod_rules.once_each("volumes.name", [volume.name for volume in self.volumes])

    def mounts_its_volumes(self, where: str, more: Iterable[str] = ()) -> None:
        """Raises ValueError where a container mounts what is neither a volume of the pod nor one of `more`.

        `where` leads the path of this spec, as "template.spec.".
        """
        lists = (("initContainers", self.init_containers or ()), ("containers", self.containers))
        mounts = [
            (f"{where}{field}[{n}].volumeMounts[{m}].name", mount.name)
            for field, containers in lists
            for n, container in enumerate(containers)
            for m, mount in enumerate(container.volume_mounts or ())
        ]
        if mounts:
            pod_rules.mountable(mounts, [*(volume.name for volume in self.volumes or ()), *more])


class TemplateMetadata(Shape, frozen=True):
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def __post_init__(self) -> None:
        names.expect_labels("labels", self.labels)
        names.expect_annotations(self.annotations)


class Template(Shape, frozen=True):
    spec: PodSpec
    metadata: TemplateMetadata | None = None
