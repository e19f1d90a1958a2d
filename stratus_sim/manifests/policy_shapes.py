"""The fields of policies: quotas, ranges, network policies and webhooks.

Source: Kubernetes API reference v1.33, "Policy Resources" and "Extend Resources".
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from stratus_sim.manifests.pod_shapes import Amount, Metadata, Port, PortOrName
from stratus_sim.manifests.selector_shapes import LabelSelector, Shape


class ScopeRequirement(Shape, frozen=True):
    scope_name: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = "Exists"
    values: list[str] | None = None


class ScopeSelector(Shape, frozen=True):
    match_expressions: list[ScopeRequirement] | None = None


class QuotaSpec(Shape, frozen=True):
    hard: dict[str, Amount] | None = None
    scopes: list[str] | None = None
    scope_selector: ScopeSelector | None = None


class ResourceQuota(Shape, frozen=True):
    metadata: Metadata
    spec: QuotaSpec = QuotaSpec()


class Limit(Shape, frozen=True):
    type: str
    max: dict[str, Amount] | None = None
    min: dict[str, Amount] | None = None
    default: dict[str, Amount] | None = None
    default_request: dict[str, Amount] | None = None
    max_limit_request_ratio: dict[str, Amount] | None = None


class LimitRangeSpec(Shape, frozen=True):
    limits: list[Limit] | None = None


class LimitRange(Shape, frozen=True):
    metadata: Metadata
    spec: LimitRangeSpec = LimitRangeSpec()


class IpBlock(Shape, frozen=True):
    cidr: str
    apart_from: list[str] | None = msgspec.field(default=None, name="except")


class PolicyPeer(Shape, frozen=True):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class PolicyPort(Shape, frozen=True):
    port: PortOrName | None = None
    end_port: Port | None = None
    protocol: str | None = None


class IngressRule(Shape, frozen=True):
    sources: list[PolicyPeer] | None = msgspec.field(default=None, name="from")
    ports: list[PolicyPort] | None = None


class EgressRule(Shape, frozen=True):
    to: list[PolicyPeer] | None = None
    ports: list[PolicyPort] | None = None


class NetworkPolicySpec(Shape, frozen=True):
    pod_selector: LabelSelector | None = None
    policy_types: list[str] | None = None
    ingress: list[IngressRule] | None = None
    egress: list[EgressRule] | None = None


class NetworkPolicy(Shape, frozen=True):
    metadata: Metadata
    spec: NetworkPolicySpec = NetworkPolicySpec()


class WebhookService(Shape, frozen=True):
    name: str
    namespace: str
    path: str | None = None
    port: Port | None = None


class ClientConfig(Shape, frozen=True):
    service: WebhookService | None = None
    url: str | None = None
    ca_bundle: str | None = None

    def __post_init__(self) -> None:
        if (self.service is None) == (self.url is None):
            raise ValueError("clientConfig: Required value: exactly one of url or service is required")
        try:
            b64decode(self.ca_bundle or "", validate=True)
        except ValueError:
            raise ValueError("caBundle: Invalid value: illegal base64 data") from None


class WebhookRule(Shape, frozen=True):
    operations: list[str] | None = None
    api_groups: list[str] | None = None
    api_versions: list[str] | None = None
    resources: list[str] | None = None
    scope: str | None = None


class MatchCondition(Shape, frozen=True):
    name: str
    expression: str


class Webhook(Shape, frozen=True):
    """A webhook; what a mutating one has beside a validating one is absent there."""

    name: str
    client_config: ClientConfig
    side_effects: Literal["None", "NoneOnDryRun"]
    admission_review_versions: Annotated[list[str], msgspec.Meta(min_length=1)]
    rules: list[WebhookRule] | None = None
    failure_policy: Literal["Fail", "Ignore"] | None = None
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=30)] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    reinvocation_policy: Literal["Never", "IfNeeded"] | None = None
    match_conditions: list[MatchCondition] | None = None

    def __post_init__(self) -> None:
        if self.match_conditions:
            told = "matchConditions: expressions (CEL) are not evaluated here: state it by rules and selectors"
            raise ValueError(told)


class WebhookConfiguration(Shape, frozen=True):
    """A configuration of webhooks has no spec."""

    metadata: Metadata
    webhooks: list[Webhook] | None = None

    @property
    def spec(self) -> WebhookConfiguration:
        return self


POLICY_SHAPES: Mapping[str, type[Shape]] = {
    "ResourceQuota": ResourceQuota,
    "LimitRange": LimitRange,
    "NetworkPolicy": NetworkPolicy,
    "MutatingWebhookConfiguration": WebhookConfiguration,
    "ValidatingWebhookConfiguration": WebhookConfiguration,
}
