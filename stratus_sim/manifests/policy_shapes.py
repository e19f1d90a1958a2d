"""The fields of policies: quotas, ranges, network policies and webhooks.

Source: Kubernetes API reference v1.33, "Policy Resources" and "Extend Resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from stratus_sim.manifests.pod_shapes import Amount, IntOrString, Metadata
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
    port: IntOrString | None = None
    end_port: int | None = None
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
    port: int | None = None


class ClientConfig(Shape, frozen=True):
    service: WebhookService | None = None
    url: str | None = None


class WebhookRule(Shape, frozen=True):
    operations: list[str] | None = None
    api_groups: list[str] | None = None
    api_versions: list[str] | None = None
    resources: list[str] | None = None
    scope: str | None = None


class Webhook(Shape, frozen=True):
    name: str
    client_config: ClientConfig = ClientConfig()
    rules: list[WebhookRule] | None = None
    failure_policy: Literal["Fail", "Ignore"] | None = None
    timeout_seconds: int | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None


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
