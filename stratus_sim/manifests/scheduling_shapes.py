"""Where a pod wants to be: affinity and topology spread.

Source: Kubernetes API reference v1.33, "Pod" (Affinity, TopologySpreadConstraint) and "NodeSelector".
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from stratus_sim.manifests.selector_shapes import LabelSelector, Shape, expect_requirement

Weight = Annotated[int, msgspec.Meta(ge=1, le=100)]


class NodeRequirement(Shape, frozen=True):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str] | None = None

    def __post_init__(self) -> None:
        expect_requirement(self.key, self.operator, self.values or ())
        if self.operator in ("Gt", "Lt") and len(self.values or ()) != 1:
            raise ValueError("values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'")


class NodeSelectorTerm(Shape, frozen=True):
    match_expressions: list[NodeRequirement] | None = None
    match_fields: list[NodeRequirement] | None = None

    def __post_init__(self) -> None:
        for number, field in enumerate(self.match_fields or ()):
            where = f"matchFields[{number}]"
            if field.operator not in ("In", "NotIn"):
                raise ValueError(f'{where}.operator: Invalid value: "{field.operator}": not a valid selector operator')
            if len(field.values or ()) != 1:
                told = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
                raise ValueError(f"{where}.values: Required value: {told}")
            if field.key != "metadata.name":
                raise ValueError(f'{where}.key: Invalid value: "{field.key}": not a valid field selector key')


class NodeSelector(Shape, frozen=True):
    node_selector_terms: Annotated[list[NodeSelectorTerm], msgspec.Meta(min_length=1)]


class PreferredNodes(Shape, frozen=True):
    weight: Weight
    preference: NodeSelectorTerm


class NodeAffinity(Shape, frozen=True):
    required: NodeSelector | None = msgspec.field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)
    preferred: list[PreferredNodes] | None = msgspec.field(
        name="preferredDuringSchedulingIgnoredDuringExecution", default=None
    )


class PodAffinityTerm(Shape, frozen=True):
    topology_key: Annotated[str, msgspec.Meta(min_length=1)]
    label_selector: LabelSelector | None = None
    namespaces: list[str] | None = None
    namespace_selector: LabelSelector | None = None
    match_label_keys: list[str] | None = None
    mismatch_label_keys: list[str] | None = None


class WeightedTerm(Shape, frozen=True):
    weight: Weight
    pod_affinity_term: PodAffinityTerm


class PodAffinity(Shape, frozen=True):
    """A pod's `podAffinity` or `podAntiAffinity`."""

    required: list[PodAffinityTerm] | None = msgspec.field(
        name="requiredDuringSchedulingIgnoredDuringExecution", default=None
    )
    preferred: list[WeightedTerm] | None = msgspec.field(
        name="preferredDuringSchedulingIgnoredDuringExecution", default=None
    )


class Affinity(Shape, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class SpreadConstraint(Shape, frozen=True):
    max_skew: Annotated[int, msgspec.Meta(ge=1)]
    topology_key: Annotated[str, msgspec.Meta(min_length=1)]
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    label_selector: LabelSelector | None = None
    min_domains: Annotated[int, msgspec.Meta(ge=1)] | None = None
    match_label_keys: list[str] | None = None
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
