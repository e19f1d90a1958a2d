"""Admission webhooks: objects that put a service of the cluster in the way of writes, and can break them all.

Follows kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers ("Matching requests", "Failure
policy") and the messages of the API server. What a webhook that answers would say is not modelled: it lets the object
through as it is, and so does one outside the cluster (`url`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster.admission.registry import Denied, Write, mutates, validates
from stratus_sim.cluster.endpoints import runs, slice_of
from stratus_sim.cluster.network_policy import namespace_labels
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, labels_of
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.selectors import matches
from stratus_sim.cluster.status import Endpoint
from stratus_sim.manifests.kinds import CLUSTER_SCOPED, SERVED, plural
from stratus_sim.manifests.selector_shapes import LabelSelector

if TYPE_CHECKING:
    from stratus_sim.world import World

MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
_PORT, _TIMEOUT_S = 443, 10
_REFUSED = "dial tcp: connect: connection refused"
_NEVER = (MUTATING, VALIDATING, "EndpointSlice", "Lease", "Event")
"""Kinds no webhook is asked about: configurations, by rule, and what is written here past the API server."""


@mutates("MutatingAdmissionWebhook", reads=MUTATING)
def mutate(world: World, write: Write) -> Manifest:
    """Ask the mutating webhooks. Raises Denied where one that must answer does not."""
    _ask_all(world, MUTATING, write)
    return write.manifest or {}


@validates("ValidatingAdmissionWebhook", reads=VALIDATING)
def validate(world: World, write: Write) -> None:
    """Ask the validating webhooks. Raises Denied where one that must answer does not."""
    _ask_all(world, VALIDATING, write)


def _ask_all(world: World, kind: str, write: Write) -> None:
    if write.key.kind in _NEVER:
        return
    for found in world.store.list(kind):
        for webhook in found.manifest.get("webhooks") or ():
            if (webhook.get("failurePolicy") or "Fail") == "Fail" and _concerns(world, webhook, write):
                problem = _problem(world, webhook)
                if problem:
                    raise Denied(f"Internal error occurred: failed calling webhook {_quoted(webhook)}: {problem}", 500)


def _quoted(webhook: Manifest) -> str:
    return f'"{webhook.get("name", "")}"'


def _concerns(world: World, webhook: Manifest, write: Write) -> bool:
    if not any(_is_match(rule, write) for rule in webhook.get("rules") or ()):
        return False
    key, versions = write.key, [m for m in (write.manifest, write.old) if m is not None]
    about = write.manifest or write.old or {}
    near = labels_of(about) if key.kind == "Namespace" else {}
    space = {**near, **namespace_labels(world, key.namespace or key.name)}
    spaced = key.namespace or key.kind == "Namespace"
    return (not spaced or matches(_selector(webhook, "namespaceSelector"), space)) and any(
        matches(_selector(webhook, "objectSelector"), labels_of(version)) for version in versions
    )


def _is_match(rule: Manifest, write: Write) -> bool:
    group, _, version = SERVED.get(write.key.kind, _version_of(write)).rpartition("/")
    scope = "Cluster" if write.key.kind in CLUSTER_SCOPED else "Namespaced"
    resource = plural(write.key.kind)
    return (
        _lists(rule, "operations", write.operation)
        and _lists(rule, "apiGroups", group)
        and _lists(rule, "apiVersions", version)
        and any(name in (resource, "*", "*/*", f"{resource}/*") for name in rule.get("resources") or ())
        and (rule.get("scope") or "*") in ("*", scope)
    )


def _version_of(write: Write) -> str:
    return str((write.manifest or write.old or {}).get("apiVersion", "v1"))


def _lists(rule: Manifest, field: str, value: str) -> bool:
    found = rule.get(field) or ()
    return "*" in found or value in found


def _selector(webhook: Manifest, field: str) -> LabelSelector:
    return msgspec.convert(webhook.get(field) or {}, LabelSelector)


def _problem(world: World, webhook: Manifest) -> str:
    """Why a webhook does not answer, as the API server's client puts it; empty where it does."""
    service: Mapping[str, Any] | None = (webhook.get("clientConfig") or {}).get("service")
    if service is None:
        return ""
    error = _call(world, ObjectKey("Service", service["namespace"], service["name"]), (service.get("port") or _PORT))
    host = f"{service['name']}.{service['namespace']}.svc:{service.get('port') or _PORT}"
    timeout = webhook.get("timeoutSeconds") or _TIMEOUT_S
    url = f"https://{host}/{(service.get('path') or '').lstrip('/')}?timeout={timeout}s"
    return f'failed to call webhook: Post "{url}": {error}' if error else ""


def _call(world: World, service: ObjectKey, port: int) -> str:
    if world.store.get(service) is None:
        return f'service "{service.name}" not found'
    found = world.store.get(slice_of(service))
    endpoints: tuple[Endpoint, ...] = found.status.ready if found is not None else ()
    errors = list(_errors(world, service.namespace, endpoints, port))
    return min(errors, default=_REFUSED, key=bool)


def _errors(world: World, namespace: str, endpoints: tuple[Endpoint, ...], port: int) -> Iterator[str]:
    """What a call to each endpoint ends in."""
    for endpoint in endpoints:
        pod, target = world.store.get(ObjectKey("Pod", namespace, endpoint.pod)), endpoint.ports.get(port)
        if pod is None or target is None or not (runs(endpoint, pod) and _listens(world, pod, target)):
            yield _REFUSED
        else:
            yield "" if world.node_alive(endpoint.node) else "context deadline exceeded"


def _listens(world: World, pod: Resource, port: int) -> bool:
    return world.processes.listens(root_owner(world, pod), pod, port)
