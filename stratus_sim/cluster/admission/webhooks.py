"""Admission webhooks: objects that put a service of the cluster in the way of writes, and can break them all.

Follows kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers ("Matching requests", "Failure
policy", "Reinvocation policy") and the messages of the API server. `replies` is what servers say, `webhook_calls` how
they are reached; a server outside the cluster (`url`) lets everything through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster.admission import webhook_calls
from stratus_sim.cluster.admission.registry import Denied, Write, mutates, validates
from stratus_sim.cluster.admission.replies import reply
from stratus_sim.cluster.network_policy import namespace_labels
from stratus_sim.cluster.objects import Manifest, Resource, labels_of
from stratus_sim.cluster.selectors import matches
from stratus_sim.manifests.kinds import CLUSTER_SCOPED, SERVED, plural
from stratus_sim.manifests.policy_shapes import Webhook, WebhookRule
from stratus_sim.manifests.selector_shapes import LabelSelector

if TYPE_CHECKING:
    from stratus_sim.world import World

MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
_NEVER = (MUTATING, VALIDATING, "EndpointSlice", "Lease", "Event")
"""Kinds no webhook is asked about: configurations, by rule, and what is written here past the API server."""
_EVERYTHING = LabelSelector()


class _Hook(NamedTuple):
    configuration: Resource
    webhook: Webhook


@mutates("MutatingAdmissionWebhook", reads=MUTATING)
def mutate(world: World, write: Write) -> Manifest:
    """Ask the mutating webhooks, and those that want it once more, should a later one have changed the object.

    Raises Denied where one refuses, or does not answer though it must.
    """
    asked: list[_Hook] = []
    again: list[_Hook] = []
    for hook in _hooks(world, MUTATING):
        before, write = write, _ask(world, hook, write)
        if write is not before:
            again = [*asked]
        if hook.webhook.reinvocation_policy == "IfNeeded":
            asked.append(hook)
    for hook in again:
        write = _ask(world, hook, write)
    return write.manifest or {}


@validates("ValidatingAdmissionWebhook", reads=VALIDATING)
def validate(world: World, write: Write) -> None:
    """Ask the validating webhooks. Raises Denied where one refuses, or does not answer though it must."""
    for hook in _hooks(world, VALIDATING):
        _ask(world, hook, write)


def _hooks(world: World, kind: str) -> Iterator[_Hook]:
    for found in world.store.list(kind):
        yield from (_Hook(found, webhook) for webhook in found.spec.webhooks or ())


def _ask(world: World, hook: _Hook, write: Write) -> Write:
    """The write as a webhook wants it: the same one where it has nothing to say."""
    webhook = hook.webhook
    if write.key.kind in _NEVER or not _concerns(world, webhook, write):
        return write
    pod, problem = webhook_calls.call(world, hook.configuration, webhook)
    if problem and webhook.failure_policy != "Ignore":
        told = f'Internal error occurred: failed calling webhook "{webhook.name}": {problem}'
        raise Denied(told, 500)
    if pod is None:
        return write
    wanted = reply(world, webhook.name, (c.image or "" for c in pod.spec.containers), write)
    return write if wanted is None or wanted == write.manifest else write._replace(manifest=wanted)


def _concerns(world: World, webhook: Webhook, write: Write) -> bool:
    if not any(_is_match(rule, write) for rule in webhook.rules or ()):
        return False
    key, versions = write.key, [m for m in (write.manifest, write.old) if m is not None]
    about = write.manifest or write.old or {}
    near = labels_of(about) if key.kind == "Namespace" else {}
    space = {**near, **namespace_labels(world, key.namespace or key.name)}
    spaced = key.namespace or key.kind == "Namespace"
    return (not spaced or matches(webhook.namespace_selector or _EVERYTHING, space)) and any(
        matches(webhook.object_selector or _EVERYTHING, labels_of(version)) for version in versions
    )


def _is_match(rule: WebhookRule, write: Write) -> bool:
    group, _, version = SERVED.get(write.key.kind, _version_of(write)).rpartition("/")
    scope = "Cluster" if write.key.kind in CLUSTER_SCOPED else "Namespaced"
    resource = plural(write.key.kind)
    return (
        _lists(rule.operations, write.operation)
        and _lists(rule.api_groups, group)
        and _lists(rule.api_versions, version)
        and any(name in (resource, "*", "*/*", f"{resource}/*") for name in rule.resources or ())
        and (rule.scope or "*") in ("*", scope)
    )


def _version_of(write: Write) -> str:
    return str((write.manifest or write.old or {}).get("apiVersion", "v1"))


def _lists(found: Collection[str] | None, value: str) -> bool:
    return "*" in (found or ()) or value in (found or ())
