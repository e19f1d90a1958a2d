"""The routes of one epoch, with stamps of what they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.application import errors
from stratus_sim.cluster.endpoint_slices import slice_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import Strain
from stratus_sim.manifests.calls import Call

if TYPE_CHECKING:
    from stratus_sim.world import World


class Hop(NamedTuple):
    """One place where a call may land: the workload reached, or the error met on the way."""

    workload: str
    error: str = ""


REFUSED = Hop("", errors.REFUSED)

Hops = Mapping[Hop, int]
"""Where requests land, and which share of them: so many parts of the sum. In order of pods."""
Address = tuple[str, int | None]
Stamp = tuple[Any, ...]


class Lane(NamedTuple):
    """Pods of a workload that work alike: the CPU they may use together, and how long each makes a request wait, for
    CPU its limit does not let it have and for its node's network."""

    pods: tuple[Resource, ...] = ()
    millicores: int = 0
    throttled_us: int = 0


class Serving(NamedTuple):
    """The pods of a workload that serve, and the same by lane, the one with the least CPU for each first."""

    stamp: Stamp
    pods: tuple[Resource, ...] = ()
    lanes: tuple[Lane, ...] = (Lane(),)


Port = tuple[str, int | None]
"""A Service and one of its ports, the first one where none is named."""


class Landing(NamedTuple):
    """Where requests to one port of a Service land, who is behind it told by all its slices, the first one first;
    `owners` are those of the pods there. It lasts as long as these unless pods are only `published`: whether a process
    runs that is not ready, none of them tells."""

    slices: tuple[Resource, ...]
    owners: tuple[ObjectKey, ...]
    stamp: Stamp
    hops: Hops
    published: bool = False


Landings = Mapping[Port, Landing | None]
"""None where there is no EndpointSlice."""


class Read(NamedTuple):
    """What routes from a workload, or of users, were read from. `steady` is whether nothing else can have changed them,
    as files and network policies can."""

    source: str
    landings: Landings
    steady: bool


class Dialled(NamedTuple):
    """The addresses the pods of `caller` dial for one call: how many of them, and the labels of the first."""

    caller: Serving
    addresses: Mapping[Address, tuple[int, Mapping[str, str]]]


class Routes(NamedTuple):
    """What was found in an epoch, when the store was at `version`; `keys` names the object of each workload, `nodes`
    have what each suffers, None where requests do not get through to it.

    `published` are the Services that lead to pods which are not ready, too, and `unready` whether there are any.

    All of it is void once a node falls silent, suffers or is well again, a Service comes, goes or changes, or chaos
    strikes.
    """

    services: frozenset[str]
    nodes: Mapping[str, Strain | None]
    version: int = -1
    keys: Mapping[str, ObjectKey] = {}
    serving: Mapping[str, Serving] = {}
    dialled: Mapping[Call, Dialled] = {}
    published: tuple[ObjectKey, ...] = ()
    unready: bool = False


@lru_cache(maxsize=65536)
def first_slice(service: str) -> ObjectKey:
    """The EndpointSlice to ask about a Service `namespace/name`."""
    return slice_of(ObjectKey("Service", *service.split("/")))


def added(parts: list[tuple[Hops, int]]) -> Hops:
    """Where requests land that go so many times each of these ways."""
    total: dict[Hop, int] = {}
    for hops, times in parts:
        for hop, count in hops.items():
            total[hop] = total.get(hop, 0) + times * count
    return total


def unread(world: World) -> Routes:
    """Before any is looked up: the Services there are, and what each node suffers, None where it is not reached."""
    nodes = world.store.list("Node")
    cut_off = {node.key.name: None for node in nodes if not node.status.heartbeat or node.status.strain.cut}
    services = world.store.list("Service")
    return Routes(
        frozenset(f"{service.key.namespace}/{service.key.name}" for service in services),
        {node.key.name: node.status.strain for node in nodes} | cut_off,
        published=tuple([service.key for service in services if service.spec.publish_not_ready_addresses]),
    )
