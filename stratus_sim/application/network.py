"""From a name and a port to the processes that answer, as DNS, kube-proxy and the network have it at this instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from operator import is_
from typing import TYPE_CHECKING, Any

from stratus_sim.application.barriers import Barriers
from stratus_sim.application.errors import TIMED_OUT
from stratus_sim.application.routes import (
    REFUSED,
    Address,
    Hop,
    Hops,
    Landing,
    Landings,
    Port,
    Routes,
    Stamp,
    first_slice,
)
from stratus_sim.cluster import dns
from stratus_sim.cluster.endpoint_slices import with_others
from stratus_sim.cluster.endpoints import runs
from stratus_sim.cluster.network_policy import OUTSIDE, Peer
from stratus_sim.cluster.objects import ObjectKey, Resource, known_key
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.status import Endpoint
from stratus_sim.manifests.addresses import resolve_host

if TYPE_CHECKING:
    from stratus_sim.world import World


class Network:
    """The network at one instant. Everything is looked up once."""

    def __init__(self, world: World, routes: Routes, stirred: Collection[ObjectKey] | None) -> None:
        """`stirred` is what may have changed since the epoch before, None where that is not known."""
        self._world, self._stirred = world, stirred
        self._services, self._nodes = routes.services, routes.nodes
        self._barriers, self._lookup = Barriers(world) or None, dns.resolver(world)
        self._heard: dict[tuple[ObjectKey, int], tuple[Any, Hop]] = {}
        self._landings: dict[Port, Landing | None] = {}
        self.begin_reading({})

    @property
    def steady(self) -> bool:
        """Whether EndpointSlices and pods alone say where requests land."""
        return not (self._barriers or self._lookup)

    def begin_reading(self, known: Landings) -> None:
        """What is asked from now on is one reading; `known` are landings of the epoch before that are still so."""
        self._known, self.read = known, dict[Port, Landing | None]()

    def resolve(self, address: Address, namespace: str, labels: Mapping[str, str]) -> Hops:
        """Where requests to an address land from a pod of a namespace with these labels."""
        service = resolve_host(address[0], namespace, self._services)
        if service is None:
            return {Hop("", f"no such host: {address[0]}"): 1}
        problem = self._unresolved(service)
        if problem:
            return {Hop("", f"{problem}: {address[0]}"): 1}
        if self._barriers is None:
            return self.dial(service, address[1], OUTSIDE)
        caller = self._barriers.peer(namespace, labels)
        if self._barriers.mute(caller):
            return {Hop("", f"{dns.UNANSWERED}: {address[0]}"): 1}
        return self.dial(service, address[1], caller)

    def dial(self, service: str, port: int | None, caller: Peer) -> Hops:
        """Where requests to a port of a Service land; nowhere without an EndpointSlice."""
        found, at = self._world.store.get(first_slice(service)), (service, port)
        if found is None:
            self.read[at] = None
            return {}
        if self._barriers is not None:
            return self._land_all(with_others(self._world, found), port, caller).hops
        known = self._landings.get(at) or self._known.get(at)
        if known is None:
            known = self._land_all(with_others(self._world, found), port, caller)
        self._landings[at] = known
        self.read[at] = known
        return known.hops

    def lasts(self, service: str, landing: Landing | None) -> bool:
        """Whether what was found in the epoch before is still so; None is that there was no EndpointSlice."""
        first = self._world.store.get(first_slice(service))
        if first is None or landing is None:
            return first is None and landing is None
        if landing.published:
            return False
        slices = with_others(self._world, first)
        if len(slices) != len(landing.slices) or not all(map(is_, slices, landing.slices)):
            return False
        if self._stirred is None:
            return landing.stamp == self._stamp(landing.owners)
        return not any(map(self._stirred.__contains__, landing.owners))

    def _unresolved(self, service: str) -> str:
        if self._lookup is None:
            return ""
        namespace, _, name = service.partition("/")
        return self._lookup(f"{name}.{namespace}.svc.cluster.local")

    def _land_all(self, slices: tuple[Resource, ...], port: int | None, caller: Peer) -> Landing:
        hops: dict[Hop, int] = {}
        owners: dict[ObjectKey, None] = {}
        published = False
        for endpoint in chain.from_iterable([one.status.ready for one in slices]):
            published = published or not endpoint.serving
            pod = self._world.store.get(known_key("Pod", slices[0].key.namespace, endpoint.pod))
            hop = self._land(pod, endpoint, port, caller)
            hops[hop] = hops.get(hop, 0) + 1
            if pod is not None:
                owners[pod.owner or pod.key] = None
        return Landing(slices, tuple(owners), self._stamp(tuple(owners)), hops, published)

    def _stamp(self, owners: tuple[ObjectKey, ...]) -> Stamp:
        """What a landing follows from beside the slices: the state of these owners' pods, and who owns them in turn."""
        store = self._world.store
        found = [(store.get(owner), store.standing_since(owner)) for owner in owners]
        return tuple([(owner and (owner if owner.key.kind == "Pod" else owner.owner), since) for owner, since in found])

    def _land(self, pod: Resource | None, endpoint: Endpoint, port: int | None, caller: Peer) -> Hop:
        target = endpoint.ports.get(port) if port is not None else next(iter(endpoint.ports.values()), None)
        if pod is None or target is None or not runs(endpoint, pod):
            return REFUSED
        if self._nodes.get(endpoint.node) is None or (
            self._barriers is not None and self._barriers.stop(caller, pod, target)
        ):
            return Hop("", TIMED_OUT)
        return self._hear(pod, target)

    def _hear(self, pod: Resource, port: int) -> Hop:
        """Whether the process answers on a port; those of one template do alike."""
        mark = (pod.owner or pod.key, port)
        spec, hop = self._heard.get(mark, (None, REFUSED))
        if spec is not pod.spec:
            owner = root_owner(self._world, pod)
            listens = self._world.processes.listens(owner, pod, port)
            hop = Hop(f"{pod.key.namespace}/{owner.name}" if owner else "") if listens else REFUSED
            self._heard[mark] = pod.spec, hop
        return hop
