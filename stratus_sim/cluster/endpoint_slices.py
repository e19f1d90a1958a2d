"""The EndpointSlices of a Service: at most 100 endpoints each, all of them together what stands behind it.

Follows kubernetes.io/docs/concepts/services-networking/endpoint-slices ("Distribution of EndpointSlices"): an endpoint
stays where it is, new ones fill the fullest slice that has room before another is made, nothing is evened out, and a
slice that has lost its last endpoint goes. Here the first slice of a Service has the name of the Service, stays when it
is empty, and its status says which others there are: who looks at it alone knows whether that is all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stratus_sim.cluster.generated import free_name
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import Endpoint, EndpointsStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND, MOST = "EndpointSlice", 100
"""`--max-endpoints-per-slice` of kube-controller-manager."""
POD = attrgetter("pod")
Endpoints = tuple[Endpoint, ...]


@lru_cache(maxsize=1 << 16)
def slice_of(service: ObjectKey) -> ObjectKey:
    """The first slice of a Service."""
    return ObjectKey(KIND, service.namespace, service.name)


def all_of(world: World, service: ObjectKey) -> tuple[Resource, ...]:
    """The slices of a Service, the first one first; none before its controller has looked at it."""
    first = world.store.get(slice_of(service))
    return () if first is None else with_others(world, first)


def with_others(world: World, first: Resource) -> tuple[Resource, ...]:
    """The first slice of a Service with those that follow it."""
    others: tuple[ObjectKey, ...] = first.status.others
    if not others:
        return (first,)
    return first, *(found for key in others if (found := world.store.get(key)) is not None)


def ready(world: World, service: ObjectKey) -> Endpoints:
    """The endpoints of a Service that requests are sent to."""
    return tuple(endpoint for one in all_of(world, service) for endpoint in one.status.ready)


def publish(world: World, service: ObjectKey, endpoints: Endpoints) -> None:
    """Make the slices of a Service list these endpoints, given in order of pod; also one whose first slice is lost."""
    first, others = slice_of(service), [key for key in world.store.owned_keys(service) if key.kind == KIND]
    if (left := world.store.get(first)) is not None and left.owner is None:
        world.store.entrust(first, service)  # by a Service of this name that was deleted without what it owned
    keys = [first, *(key for key in others if key != first)]
    parts: list[Endpoints] = [endpoints]
    if len(keys) > 1 or len(endpoints) > MOST:
        found = [one.status.endpoints if (one := world.store.get(key)) is not None else () for key in keys]
        parts = _spread(found, {endpoint.pod: endpoint for endpoint in endpoints})
    for number, part in enumerate(parts[1:], 1):
        keys += [] if number < len(keys) else [_free_key(world, service)]
        _write(world, service, keys[number], EndpointsStatus(part))
    filled = tuple(key for key, part in zip(keys[1:], parts[1:], strict=True) if part)
    _write(world, service, first, EndpointsStatus(parts[0], filled))


def amend(world: World, service: ObjectKey, pod: str, endpoint: Endpoint | None) -> None:
    """List one pod of a Service as it is now, with None no longer, whichever slice it is in."""
    found = all_of(world, service)
    home = _home(found, pod)
    if home is None and endpoint is None:
        return
    key, status = (home.key, home.status) if home is not None else (_free_key(world, service), EndpointsStatus())
    kept = (known for known in status.endpoints if known.pod != pod)
    listed = tuple(sorted((*kept, *(() if endpoint is None else (endpoint,))), key=POD))
    _write(world, service, key, replace(status, endpoints=listed))
    if key != found[0].key and bool(listed) != (key in found[0].status.others):
        others = (*(one for one in found[0].status.others if one != key), *((key,) if listed else ()))
        world.store.report(found[0].key, replace(found[0].status, others=others))


def _home(found: Sequence[Resource], pod: str) -> Resource | None:
    """The slice a pod is in, or the one with the most endpoints of those that have room for it."""
    there = next((one for one in found if any(known.pod == pod for known in one.status.endpoints)), None)
    room = [one for one in found if len(one.status.endpoints) < MOST]
    return there or max(room, key=lambda one: len(one.status.endpoints), default=None)


def _spread(before: list[Endpoints], wanted: dict[str, Endpoint]) -> list[Endpoints]:
    """The endpoints of each slice: who is in one stays there, the others fill up those with most in them."""
    parts = [[wanted.pop(known.pod) for known in part if known.pod in wanted] for part in before]
    for endpoint in wanted.values():
        home = max((part for part in parts if len(part) < MOST), key=len, default=None)
        if home is None:
            parts.append(home := [])
        home.append(endpoint)
    return [tuple(sorted(part, key=POD)) for part in parts]


def _free_key(world: World, service: ObjectKey) -> ObjectKey:
    return ObjectKey(KIND, service.namespace, free_name(world, KIND, service))


def _write(world: World, service: ObjectKey, key: ObjectKey, status: EndpointsStatus) -> None:
    """Bring one slice up to date, which is made where it is new and goes where it is empty and not the first."""
    if not status.endpoints and key != slice_of(service):
        world.store.remove(key)
    elif world.store.get(key) is not None:
        world.store.report(key, status)
    else:
        labels = {"kubernetes.io/service-name": service.name}
        metadata = {"name": key.name, "namespace": key.namespace, "labels": labels}
        manifest = {"apiVersion": "discovery.k8s.io/v1", "kind": KIND, "metadata": metadata}
        world.store.create(manifest, owner=service, status=status)
