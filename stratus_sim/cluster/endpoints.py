"""EndpointSlice controller: the pods behind each Service, how they fare, and the ports they are reached on.

Follows kubernetes.io/docs/concepts/services-networking/endpoint-slices ("Conditions") and .../service ("Port
definitions", `publishNotReadyAddresses`); which slice lists whom is up to `endpoint_slices`. Requests go to ready
endpoints only: a process told to end is taken to accept none, so kube-proxy's last resort, endpoints that terminate and
serve, would reach nobody. Who takes the selector off a Service leaves its slices behind as they are.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from stratus_sim.cluster import endpoint_slices, pods
from stratus_sim.cluster.endpoint_slices import MOST, POD, slice_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import port_number
from stratus_sim.cluster.status import Endpoint, EndpointsStatus
from stratus_sim.cluster.store import selects
from stratus_sim.cluster.watching import LEAVING, STANDING, WRITTEN, watches
from stratus_sim.kernel import handler
from stratus_sim.manifests.pod_shapes import PodSpec
from stratus_sim.manifests.shapes import ServiceSpec

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("Service")
def on_service(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None:
        world.enqueue("endpoints", new.key)


@watches("EndpointSlice", of=LEAVING)
def on_slice(world: World, old: Resource | None, new: Resource | None) -> None:
    """A slice that somebody deletes is made again."""
    if new is None and old is not None and old.owner is not None:
        world.enqueue("endpoints", old.owner)


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


def _listed(pod: Resource) -> bool:
    """Whether a pod can be reached at all, were it ready."""
    return bool(pod.status.ip) and not pods.ended(pod)


@handler("endpoints")
def reconcile(world: World, key: ObjectKey) -> None:
    """Make the slices of a Service list its pods as they are now; those of one that chooses none stay as they are."""
    service = world.store.get(key)
    if service is not None and service.spec.selector and service.spec.type != "ExternalName":
        selected = world.store.selected(key.namespace, service.spec.selector)
        endpoint_slices.publish(world, key, tuple(_endpoint(service, pod) for pod in selected if _listed(pod)))


@handler("endpoint")
def reconcile_pod(world: World, place: tuple[ObjectKey, ObjectKey]) -> None:
    """Bring one pod of a Service up to date without looking at the others it selects."""
    service, pod = world.store.get(place[0]), world.store.get(place[1])
    name = slice_of(place[0])
    found = world.store.get(name)
    if service is None or found is None:
        reconcile(world, place[0])
        return
    status: EndpointsStatus = found.status
    endpoints = status.endpoints
    at = bisect_left(endpoints, place[1].name, key=POD)
    known = endpoints[at] if at < len(endpoints) and endpoints[at].pod == place[1].name else None
    there = pod if pod is not None and _listed(pod) and selects(service.spec.selector, pod) else None
    if known is None and (status.others or len(endpoints) >= MOST):
        endpoint_slices.amend(world, place[0], place[1].name, _endpoint(service, there) if there else None)
        return
    listed = (_endpoint(service, there, known),) if there else ()
    if listed or known:
        after = at + 1 if known else at
        world.store.report(name, EndpointsStatus((*endpoints[:at], *listed, *endpoints[after:]), status.others))


def _endpoint(service: Resource, pod: Resource, known: Endpoint | None = None) -> Endpoint:
    """A pod as an endpoint; one that is `known` is reached where it was, as neither side's ports have changed."""
    ports = _ports(service.spec, pod.spec) if known is None else known.ports
    ready: bool = service.spec.publish_not_ready_addresses or serving(pod)
    return Endpoint(pod.key.name, pod.status.node, ports, ready, pod.status.ready, pod.deleting)


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
