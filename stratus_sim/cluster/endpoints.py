"""EndpointSlice controller: the ready pods behind each Service and the ports they are reached on.

Follows kubernetes.io/docs/concepts/services-networking/service ("Port definitions"); one slice per Service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.probes import port_number
from stratus_sim.cluster.status import Endpoint, EndpointsStatus
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("Service")
def on_service(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None:
        world.enqueue("endpoints", new.key)


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is not None and new is not None and serving(old) == serving(new) and old.labels == new.labels:
        return
    for pod in (old, new):
        for service in world.store.selecting(pod) if pod is not None else ():
            world.enqueue("endpoints", service.key)


def serving(pod: Resource) -> bool:
    ready: bool = pod.status.ready
    return ready and not pod.deleting


def slice_of(service: ObjectKey) -> ObjectKey:
    return ObjectKey("EndpointSlice", service.namespace, service.name)


@handler("endpoints")
def reconcile(world: World, key: ObjectKey) -> None:
    """Make the slice of a Service list what serves now."""
    service = world.store.get(key)
    if service is None:
        return
    pods = [pod for pod in world.store.selected(key.namespace, service.spec.selector) if serving(pod)]
    ports: dict[int, dict[int, int]] = {}  # pods of one template share their spec: resolve its ports once
    for pod in pods:
        if id(pod.spec) not in ports:
            ports[id(pod.spec)] = _ports(service, pod)
    found = (Endpoint(pod.key.name, pod.status.node, ports[id(pod.spec)]) for pod in pods)
    status = EndpointsStatus(tuple(found))
    name = slice_of(key)
    if world.store.get(name) is None:
        metadata = {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {"kubernetes.io/service-name": key.name},
        }
        manifest = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
        world.store.create(manifest, owner=key, status=status)
    world.store.report(name, status)


def _ports(service: Resource, pod: Resource) -> dict[int, int]:
    """Where each port of a Service leads in a pod; a name the pod does not have leads nowhere."""
    ports = {}
    for port in service.spec.ports or ():
        target = port.target_port if port.target_port not in (None, 0, "") else port.port
        numbers = [port_number(container, target) for container in pod.spec.containers]
        number = next((n for n in numbers if n is not None), None)
        if number is not None:
            ports[port.port] = number
    return ports
