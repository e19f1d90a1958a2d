"""Endpoints as people still ask for them: one object a Service, derived from its EndpointSlices.

Source: Kubernetes API reference v1.33, "Endpoints v1 core" (deprecated, and written all the same); a pod that is on its
way out is not listed, one that is not ready apart. Those of a Service without selector are a user's, and objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.cluster import endpoint_slices
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.status import Endpoint
from stratus_sim.telemetry.render import Json, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND = "Endpoints"
_SHOWN = 3
_LISTS = {True: "addresses", False: "notReadyAddresses"}


def derived(world: World, namespace: str | None) -> Iterator[Json]:
    """The Endpoints of all Services that choose their pods, in order of namespace and name."""
    for service in world.store.list("Service", namespace):
        slices = endpoint_slices.all_of(world, service.key)
        if service.spec.selector and slices:
            yield _endpoints(world, service, slices)


def _endpoints(world: World, service: Resource, slices: tuple[Resource, ...]) -> Json:
    first, subsets = slices[0], dict[tuple[int, ...], Json]()
    for endpoint in (one for part in slices for one in part.status.endpoints):
        pod = world.store.get(ObjectKey("Pod", service.key.namespace, endpoint.pod))
        if pod is not None and (endpoint.ready or not endpoint.terminating):
            ports = tuple(sorted(endpoint.ports.items()))
            subset = subsets.setdefault(ports, {"ports": _ports(service, endpoint)})
            subset.setdefault(_LISTS[endpoint.ready], []).append(_address(pod, endpoint))
    metadata = {
        "name": service.key.name, "namespace": service.key.namespace, "uid": uuid_of(f"{KIND} {service.uid}"),
        "resourceVersion": str(max(one.version for one in slices)), "creationTimestamp": timestamp(first.created_us),
    }  # fmt: skip
    return {"kind": KIND, "apiVersion": "v1", "metadata": metadata, "subsets": [*subsets.values()]}


def _address(pod: Resource, endpoint: Endpoint) -> Json:
    target = {"kind": "Pod", "namespace": pod.key.namespace, "name": pod.key.name, "uid": uuid_of(pod.uid)}
    return {"ip": pod.status.ip, "nodeName": endpoint.node, "targetRef": target}


def _ports(service: Resource, endpoint: Endpoint) -> list[Json]:
    """The ports of a Service that lead somewhere; the only one there is may have no name."""
    leading = [port for port in service.spec.ports or () if port.port in endpoint.ports]
    told = [{"port": endpoint.ports[port.port], "protocol": port.protocol or "TCP"} for port in leading]
    return [{**({"name": port.name} if port.name else {}), **body} for port, body in zip(leading, told, strict=True)]


def cell(endpoints: Json) -> str:
    """What kubectl prints of ready endpoints: three of them, and how many more there are."""
    subsets = endpoints.get("subsets") or ()
    found = [
        f"{address['ip']}{port}"
        for subset in subsets
        for port in [f":{one['port']}" for one in subset.get("ports") or ()] or [""]
        for address in subset.get("addresses") or ()
    ]
    rest = f" + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else ""
    return ",".join(found[:_SHOWN]) + rest if subsets else "<none>"
