"""The API server calls a webhook: what can go wrong on the way, in the words of its client.

Follows kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers ("Contacting the webhook",
"Service reference") and the source of k8s.io/apiserver 1.33 (`ResolveCluster`: it dials the Service's cluster IP). A
webhook without bundle is trusted where an annotation says who injects it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import endpoint_slices
from stratus_sim.cluster.cluster_ip import cluster_ip
from stratus_sim.cluster.endpoints import runs
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.status import Endpoint
from stratus_sim.manifests.policy_shapes import Webhook, WebhookService

if TYPE_CHECKING:
    from stratus_sim.world import World

_PORT, _TIMEOUT_S = 443, 10
_INJECTORS = (
    "cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "cert-manager.io/inject-apiserver-ca",
    "service.beta.openshift.io/inject-cabundle",
)  # fmt: skip


class Outcome(NamedTuple):
    """How a call ends: with the pod that answers, None for a server outside the cluster, or with a problem."""

    pod: Resource | None
    problem: str = ""


def call(world: World, configuration: Resource, webhook: Webhook) -> Outcome:
    """Call a webhook of a configuration."""
    service = webhook.client_config.service
    if service is None:
        return Outcome(None)
    from stratus_sim.cluster.admission import handshake  # noqa: PLC0415  # to load its library takes longer than a start

    try:
        trusted = handshake.trusted(webhook)
    except handshake.Unreadable as error:
        return Outcome(None, f"could not get REST client: unable to load root certificates: {error}")
    pod, why = _connect(world, service)
    if pod is not None and not why and not (webhook.client_config.ca_bundle is None and _injected(configuration)):
        why = handshake.refusal(world, pod, trusted, f"{service.name}.{service.namespace}.svc")
    if not why:
        return Outcome(pod)
    return Outcome(None, f'failed to call webhook: Post "{_url(service, webhook.timeout_seconds)}": {why}')


def _url(service: WebhookService, timeout_s: int | None) -> str:
    host = f"{service.name}.{service.namespace}.svc:{service.port or _PORT}"
    return f"https://{host}/{(service.path or '').lstrip('/')}?timeout={timeout_s or _TIMEOUT_S}s"


def _injected(configuration: Resource) -> bool:
    return any(name in _INJECTORS for name in configuration.manifest["metadata"].get("annotations") or ())


def _connect(world: World, service: WebhookService) -> tuple[Resource | None, str]:
    """The pod at the other end of a connection to a Service, or why there is none."""
    found, port = world.store.get(ObjectKey("Service", service.namespace, service.name)), service.port or _PORT
    if found is None:
        return None, f'service "{service.name}" not found'
    if found.spec.type == "ExternalName":
        return None, ""
    if cluster_ip(found) == "None":
        return None, 'cannot route to service with ClusterIP "None"'
    if all(one.port != port for one in found.spec.ports or ()):
        return None, f'no service port {port} found for service "{service.name}"'
    refused = f"dial tcp {cluster_ip(found)}:{port}: connect: connection refused"
    ends = list(_ends(world, found.key, port, refused))
    return min(ends, default=(None, refused), key=lambda end: bool(end[1]))


def _ends(world: World, service: ObjectKey, port: int, refused: str) -> Iterator[tuple[Resource | None, str]]:
    """What a connection to each endpoint ends in."""
    for endpoint in endpoint_slices.ready(world, service):
        pod = _listener(world, service.namespace, endpoint, port)
        if pod is None:
            yield None, refused
        else:
            yield pod, "" if world.node_alive(endpoint.node) else "context deadline exceeded"


def _listener(world: World, namespace: str, endpoint: Endpoint, port: int) -> Resource | None:
    pod, target = world.store.get(ObjectKey("Pod", namespace, endpoint.pod)), endpoint.ports.get(port)
    if pod is None or target is None or not runs(endpoint, pod):
        return None
    return pod if world.processes.listens(root_owner(world, pod), pod, target) else None
