"""Workloads, what scales them and what protects them: apps/v1, autoscaling/v2, policy/v1.

Source: Kubernetes API reference v1.33, "Workload Resources" and "Policy Resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from stratus_sim.manifests.batch_shapes import BATCH_SHAPES
from stratus_sim.manifests.pod_shapes import Amount, Count, Metadata, Share, Template
from stratus_sim.manifests.selector_shapes import LabelSelector, Shape

Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class RollingUpdate(Shape, frozen=True):
    max_surge: Share | None = None
    max_unavailable: Share | None = None
    partition: Natural | None = None


class Strategy(Shape, frozen=True):
    """A Deployment's `strategy`; the `updateStrategy` of a StatefulSet or DaemonSet."""

    type: Literal["RollingUpdate", "Recreate", "OnDelete"] | None = None
    rolling_update: RollingUpdate | None = None


class ClaimTemplate(Shape, frozen=True):
    metadata: Metadata


class ClaimRetention(Shape, frozen=True):
    when_deleted: Literal["Retain", "Delete"] | None = None
    when_scaled: Literal["Retain", "Delete"] | None = None


class Ordinals(Shape, frozen=True):
    start: Natural | None = None


class WorkloadSpec(Shape, frozen=True):
    template: Template
    selector: LabelSelector
    replicas: Count | None = None
    strategy: Strategy | None = None
    update_strategy: Strategy | None = None
    revision_history_limit: Natural | None = None
    min_ready_seconds: Natural | None = None
    progress_deadline_seconds: Positive | None = None
    paused: bool | None = None
    pod_management_policy: Literal["OrderedReady", "Parallel"] | None = None
    volume_claim_templates: list[ClaimTemplate] | None = None
    persistent_volume_claim_retention_policy: ClaimRetention | None = None
    ordinals: Ordinals | None = None

    def __post_init__(self) -> None:
        claims = [claim.metadata.name for claim in self.volume_claim_templates or ()]
        self.template.spec.mounts_its_volumes("template.spec.", claims)


class Workload(Shape, frozen=True):
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet."""

    metadata: Metadata
    spec: WorkloadSpec


class ScaleTarget(Shape, frozen=True):
    kind: str
    name: str
    api_version: str | None = None


class MetricTarget(Shape, frozen=True):
    type: Literal["Utilization", "AverageValue", "Value"]
    average_utilization: Positive | None = None
    average_value: Amount | None = None
    value: Amount | None = None


class ResourceMetric(Shape, frozen=True):
    name: str
    target: MetricTarget
    container: str | None = None


class MetricName(Shape, frozen=True):
    name: str


class CustomMetric(Shape, frozen=True):
    """A metric of pods, of an object or from outside, by its name."""

    metric: MetricName


class Metric(Shape, frozen=True):
    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"]
    resource: ResourceMetric | None = None
    container_resource: ResourceMetric | None = None
    pods: CustomMetric | None = None
    object: CustomMetric | None = None
    external: CustomMetric | None = None


class ScalingPolicy(Shape, frozen=True):
    type: Literal["Pods", "Percent"]
    value: Positive
    period_seconds: Annotated[int, msgspec.Meta(ge=1, le=1800)]


class ScalingRules(Shape, frozen=True):
    stabilization_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: list[ScalingPolicy] | None = None


class ScalingBehavior(Shape, frozen=True):
    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class AutoscalerSpec(Shape, frozen=True):
    """autoscaling/v2; `target_cpu_utilization_percentage` is how autoscaling/v1 says one CPU metric."""

    scale_target_ref: ScaleTarget
    max_replicas: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    min_replicas: Count | None = None
    metrics: list[Metric] | None = None
    behavior: ScalingBehavior | None = None
    target_cpu_utilization_percentage: Positive | None = msgspec.field(
        name="targetCPUUtilizationPercentage", default=None
    )


class Autoscaler(Shape, frozen=True):
    metadata: Metadata
    spec: AutoscalerSpec


class BudgetSpec(Shape, frozen=True):
    selector: LabelSelector | None = None
    min_available: Share | None = None
    max_unavailable: Share | None = None
    unhealthy_pod_eviction_policy: Literal["IfHealthyBudget", "AlwaysAllow"] | None = None

    def __post_init__(self) -> None:
        if self.min_available is not None and self.max_unavailable is not None:
            raise ValueError("minAvailable and maxUnavailable cannot be both set")


class Budget(Shape, frozen=True):
    metadata: Metadata
    spec: BudgetSpec


WORKLOAD_SHAPES: Mapping[str, type[Shape]] = {
    "Deployment": Workload,
    "StatefulSet": Workload,
    "DaemonSet": Workload,
    "ReplicaSet": Workload,
    **BATCH_SHAPES,
    "HorizontalPodAutoscaler": Autoscaler,
    "PodDisruptionBudget": Budget,
}
