"""EndpointSlice controller: the pods behind each Service, how they fare, and the ports they are reached on.

Follows kubernetes.io/docs/concepts/services-networking/endpoint-slices ("Conditions") and .../service ("Port
definitions", `publishNotReadyAddresses`); one slice per Service. Requests go to ready endpoints only: a process told to
end is taken to accept none, so kube-proxy's last resort, endpoints that terminate and serve, would reach nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import port_number
from stratus_sim.cluster.status import Endpoint, EndpointsStatus
from stratus_sim.cluster.store import selects
from stratus_sim.cluster.watching import STANDING, WRITTEN, watches
from stratus_sim.kernel import handler
from stratus_sim.manifests.pod_shapes import PodSpec
from stratus_sim.manifests.shapes import ServiceSpec

if TYPE_CHECKING:
    from stratus_sim.world import World

_POD = attrgetter("pod")


@watches("Service")
def on_service(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None:
        world.enqueue("endpoints", new.key)


@watches("Pod", of=WRITTEN | STANDING)
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None or new is None:
        if (new or old).status.ip:  # type: ignore[union-attr]  # a change has at least one side
            _enqueue(world, new or old)
    elif old.labels is not new.labels and old.labels != new.labels:
        _enqueue(world, old)
        _enqueue(world, new)
    else:
        _enqueue(world, new)


def addressed(world: World, pod: Resource) -> None:
    """A kubelet has given a pod its address: from now on it is an endpoint, ready or not."""
    _enqueue(world, pod)


def _enqueue(world: World, pod: Resource | None) -> None:
    assert pod is not None  # noqa: S101  # a change has at least one side
    for service in world.store.selecting(pod):
        world.enqueue("endpoint", (service, pod.key))


def serving(pod: Resource) -> bool:
    ready: bool = pod.status.ready
    return ready and not pod.deleting


def runs(endpoint: Endpoint, pod: Resource) -> bool:
    """Whether there is a process behind a ready endpoint: one that was only published may have none yet."""
    return endpoint.serving or bool(pod.status.state == "running")


@lru_cache(maxsize=1 << 16)
def slice_of(service: ObjectKey) -> ObjectKey:
    return ObjectKey("EndpointSlice", service.namespace, service.name)


def _listed(pod: Resource) -> bool:
    """Whether a pod can be reached at all, were it ready."""
    return bool(pod.status.ip) and not pods.ended(pod)


@handler("endpoints")
def reconcile(world: World, key: ObjectKey) -> None:
    """Make the slice of a Service list its pods as they are now."""
    service, name = world.store.get(key), slice_of(key)
    if service is None:
        return
    selected = world.store.selected(key.namespace, service.spec.selector)
    status = EndpointsStatus(tuple(_endpoint(service, pod) for pod in selected if _listed(pod)))
    if world.store.get(name) is None:
        _create_slice(world, key, name, status)
    else:
        world.store.report(name, status)


@handler("endpoint")
def reconcile_pod(world: World, place: tuple[ObjectKey, ObjectKey]) -> None:
    """Bring one pod of a slice up to date without looking at the others the Service selects."""
    service, pod = world.store.get(place[0]), world.store.get(place[1])
    name = slice_of(place[0])
    found = world.store.get(name)
    if service is None or found is None:
        reconcile(world, place[0])
        return
    endpoints: tuple[Endpoint, ...] = found.status.endpoints
    at = bisect_left(endpoints, place[1].name, key=_POD)
    known = endpoints[at] if at < len(endpoints) and endpoints[at].pod == place[1].name else None
    listed: tuple[Endpoint, ...] = ()
    if pod is not None and _listed(pod) and selects(service.spec.selector, pod):
        listed = (_endpoint(service, pod, known),)
    if listed or known:
        after = at + 1 if known else at
        world.store.report(name, EndpointsStatus((*endpoints[:at], *listed, *endpoints[after:])))


def _endpoint(service: Resource, pod: Resource, known: Endpoint | None = None) -> Endpoint:
    """A pod as an endpoint; one that is `known` is reached where it was, as neither side's ports have changed."""
    ports = _ports(service.spec, pod.spec) if known is None else known.ports
    ready: bool = service.spec.publish_not_ready_addresses or serving(pod)
    return Endpoint(pod.key.name, pod.status.node, ports, ready, pod.status.ready, pod.deleting)


def _create_slice(world: World, service: ObjectKey, name: ObjectKey, status: EndpointsStatus) -> None:
    labels = {"kubernetes.io/service-name": service.name}
    metadata = {"name": name.name, "namespace": name.namespace, "labels": labels}
    manifest = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    world.store.create(manifest, owner=service, status=status)


def _ports(service: ServiceSpec, pod: PodSpec) -> dict[int, int]:
    """Where each port of a Service leads in a pod; a name the pod does not have leads nowhere."""
    ports = {}
    for port in service.ports or ():
        target = port.target_port or port.port
        for container in pod.containers:
            number = port_number(container, target)
            if number is not None:
                ports[port.port] = number
                break
    return ports
