"""From an address in a pod's environment to the pods it reaches, as DNS, kube-proxy and the network do it.

What was found in the last epoch is kept with a stamp of what it was read from, and read again only where that changed:
an epoch costs what changed since the last one, not the pods there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratus_sim.application.chaos import Partition, partitions
from stratus_sim.application.routes import REFUSED, Address, Dialled, Hop, Hops, Landing, Routes, Serving, Stamp
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster import dns
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.network_policy import OUTSIDE, Peer, Port, allowed, namespace_labels, policies
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_millicores, usable_millicores
from stratus_sim.cluster.status import Endpoint
from stratus_sim.cluster.volumes import lookup
from stratus_sim.manifests.addresses import resolve_host
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.current import current_address

if TYPE_CHECKING:
    from stratus_sim.world import World


@lru_cache(maxsize=65536)
def _stated(call: Call, value: str) -> tuple[str, int | None] | None:
    """The address one variable states by itself, without the variables beside it."""
    name = call.via.partition(":")[2]
    return current_address(call, {}, {name: value}, lambda _kind, _namespace, _name: None)


class Router:
    """Routes of one epoch. Everything is looked up once."""

    def __init__(self, world: World, keys: Mapping[str, ObjectKey]) -> None:
        """`keys` names the object of each workload."""
        self._world, self._keys = world, keys
        routes = world.traffic.routes or Routes(_services(world))
        self._services = routes.services
        self._serving, self._landings = routes.serving.mutate(), routes.landings.mutate()
        self._dialled = routes.dialled.mutate()
        self._partitions: list[Partition] = partitions(world)
        self._policies = policies(world)
        self._lookup = dns.resolver(world)
        self._nodes: dict[str, bool] = {}
        self._usable: dict[ObjectKey | None, tuple[Any, int]] = {}
        self._heard: dict[tuple[ObjectKey, int], tuple[Any, Hop]] = {}
        for name, key in keys.items():
            stamp = self._standing(key)
            known = self._serving.get(name)
            if known is None or known.stamp != stamp:
                self._serving[name] = self._find_pods(name, stamp)

    def routes(self) -> Routes:
        """What was found, for the next epoch to start from; this one is over."""
        return Routes(self._services, self._serving.finish(), self._landings.finish(), self._dialled.finish())

    def pods(self, workload: str) -> int:
        """How many pods of a workload serve now."""
        return len(self._serving[workload].pods)

    def capacity(self, workload: str) -> int:
        """Requests per 1,000 s that the serving pods can carry."""
        cost_us = self._world.application.workloads[workload].cpu_us_per_request
        return self._serving[workload].millicores * 1_000_000 // max(1, cost_us)

    def throttled_us(self, workload: str) -> int:
        """How long the CPU limits of the serving pods make a request wait, in the mean."""
        return self._serving[workload].throttled_us

    def call(self, call: Call) -> Hops:
        """Where a call lands, seen from every serving pod of its caller."""
        caller = self._serving[call.source_key]
        if not caller.pods:
            return {Hop(""): 1}  # nobody calls, so nothing fails
        dialled = self._dialled.get(call)
        if dialled is None or dialled.caller is not caller or call.via.startswith("configmap"):
            self._dialled[call] = dialled = Dialled(caller, self._addresses(call, caller))
        found = [(self._resolve(a, call, labels), n) for a, (n, labels) in dialled.addresses.items()]
        return found[0][0] if len(found) == 1 else _sum(found)

    def enter(self, service: str) -> Hops:
        """Where a user's request to a Service lands."""
        return self._dial(service, None, OUTSIDE)

    def _standing(self, key: ObjectKey) -> Stamp:
        """What the serving pods of a workload follow from."""
        store = self._world.store
        owners = store.owned_keys(key) if key.kind == "Deployment" else (key,)
        return tuple([(owner, store.standing_since(owner)) for owner in owners])

    def _find_pods(self, name: str, stamp: Stamp) -> Serving:
        store = self._world.store
        owned = [one for owner, _ in stamp for one in store.owned(owner) if one.key.kind == "Pod"]
        alive = tuple([pod for pod in owned if serving(pod) and self._alive(pod.status.node)])
        return Serving(stamp, alive, sum(map(self._millicores, alive)), self._throttled_us(name, alive))

    def _throttled_us(self, name: str, pods: tuple[Resource, ...]) -> int:
        workload = self._world.application.workloads[name]
        specs = {id(pod.spec): pod.spec for pod in pods}  # those of one template share their spec
        waits = {
            mark: throttled_us(workload.cpu_us_per_request, limit_millicores(spec, workload.container))
            for mark, spec in specs.items()
        }
        return sum(waits[id(pod.spec)] for pod in pods) // len(pods) if any(waits.values()) else 0

    def _alive(self, node: str) -> bool:
        known = self._nodes.get(node)
        if known is None:
            self._nodes[node] = known = self._world.node_alive(node)
        return known

    def _millicores(self, pod: Resource) -> int:
        """CPU a pod may use; those of one template share their spec."""
        spec, found = self._usable.get(pod.owner, (None, 0))
        if spec is not pod.spec:
            spec, found = self._usable[pod.owner] = pod.spec, usable_millicores(pod.spec)
        return found

    def _addresses(self, call: Call, caller: Serving) -> dict[Address, tuple[int, Mapping[str, str]]]:
        found: dict[Address, tuple[int, Mapping[str, str]]] = {}
        for pod in caller.pods:
            address = self._address(call, pod)
            count, labels = found.get(address, (0, pod.labels))
            found[address] = count + 1, labels
        return found

    def _address(self, call: Call, pod: Resource) -> Address:
        """What the process would dial: the address is read again where it stands, in the pod's own environment."""
        env = pod.status.env.get(call.container, {})
        place, _, name = call.via.partition(":")
        found = _stated(call, env.get(name, "")) if place == "env" else None
        if found is None or found[1] is None:
            found = current_address(call, self._container(pod, call), env, lookup(self._world))
        host, port = found or ("", None)
        return host, call.port if port is None else port

    def _container(self, pod: Resource, call: Call) -> Mapping[str, Any]:
        containers = pod.manifest["spec"]["containers"]
        return next((c for c in containers if c["name"] == call.container), {})

    def _resolve(self, address: Address, call: Call, labels: Mapping[str, str]) -> Hops:
        service = resolve_host(address[0], call.namespace, self._services)
        if service is None:
            return {Hop("", f"no such host: {address[0]}"): 1}
        problem = self._unresolved(service)
        if problem:
            return {Hop("", f"{problem}: {address[0]}"): 1}
        return self._dial(service, address[1], self._peer(call.namespace, labels))

    def _unresolved(self, service: str) -> str:
        if self._lookup is None:
            return ""
        namespace, _, name = service.partition("/")
        return self._lookup(f"{name}.{namespace}.svc.cluster.local")

    def _peer(self, namespace: str, labels: Mapping[str, str], ip: str = "") -> Peer:
        spaces = namespace_labels(self._world, namespace) if self._policies else {}
        return Peer(namespace, labels, spaces, ip)

    def _dial(self, service: str, port: int | None, caller: Peer) -> Hops:
        namespace, _, name = service.partition("/")
        found = self._world.store.get(ObjectKey("EndpointSlice", namespace, name))
        if found is None:
            return {}
        if self._partitions or self._policies:
            return self._land_all(found, port, caller).hops
        known = self._landings.get((service, port))
        if known is None or known.slice is not found or known.stamp != self._stamp(known.owners):
            self._landings[service, port] = known = self._land_all(found, port, caller)
        return known.hops

    def _land_all(self, slice_: Resource, port: int | None, caller: Peer) -> Landing:
        hops: dict[Hop, int] = {}
        owners: dict[ObjectKey, None] = {}
        for endpoint in slice_.status.endpoints:
            pod = self._world.store.get(ObjectKey("Pod", slice_.key.namespace, endpoint.pod))
            hop = self._land(pod, endpoint, port, caller)
            hops[hop] = hops.get(hop, 0) + 1
            if pod is not None:
                owners[pod.owner or pod.key] = None
        return Landing(slice_, tuple(owners), self._stamp(tuple(owners)), hops)

    def _stamp(self, owners: tuple[ObjectKey, ...]) -> Stamp:
        """What a landing follows from beside the slice: the state of these owners' pods, and who owns them in turn."""
        store = self._world.store
        found = [(store.get(owner), store.standing_since(owner)) for owner in owners]
        return tuple([(owner and (owner if owner.key.kind == "Pod" else owner.owner), since) for owner, since in found])

    def _land(self, pod: Resource | None, endpoint: Endpoint, port: int | None, caller: Peer) -> Hop:
        target = endpoint.ports.get(port) if port is not None else next(iter(endpoint.ports.values()), None)
        if pod is None or target is None:
            return REFUSED
        cut = self._partitions and any(p.cuts(caller.labels, pod.labels) for p in self._partitions)
        if cut or not self._alive(endpoint.node) or not self._lets_through(caller, pod, target):
            return Hop("", "deadline exceeded")
        return self._hear(pod, target)

    def _lets_through(self, caller: Peer, pod: Resource, port: int) -> bool:
        if not self._policies:
            return True
        listed = [p for c in pod.spec.containers for p in c.ports or () if p.container_port == port]
        named = Port(port, tuple(p.name for p in listed if p.name))
        return allowed(self._policies, caller, self._peer(pod.key.namespace, pod.labels, pod.status.ip), named)

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


def _services(world: World) -> frozenset[str]:
    return frozenset(f"{key.namespace}/{key.name}" for key in world.store.keys("Service"))


def _sum(parts: list[tuple[Hops, int]]) -> Hops:
    total: dict[Hop, int] = {}
    for hops, times in parts:
        for hop, count in hops.items():
            total[hop] = total.get(hop, 0) + times * count
    return total
