"""From an address in a pod's environment to the pods it reaches, as DNS, kube-proxy and the network do it.

What was found in the last epoch is kept with a stamp of what it was read from, and read again only where that changed:
an epoch costs what changed since the last one, not the pods there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratus_sim.application import doors
from stratus_sim.application.chaos import Partition, partitions
from stratus_sim.application.errors import TIMED_OUT
from stratus_sim.application.routes import REFUSED, Address, Dialled, Hop, Hops, Landing, Routes, Serving, Stamp
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster import dns, ingress
from stratus_sim.cluster.network_policy import OUTSIDE, Peer, Port, allowed, namespace_labels, policies
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_millicores, usable_millicores
from stratus_sim.cluster.status import Endpoint, Strain
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


@lru_cache(maxsize=65536)
def _slice_of(service: str) -> ObjectKey:
    return ObjectKey("EndpointSlice", *service.split("/"))


class Router:
    """Routes of one epoch. Everything is looked up once."""

    def __init__(self, world: World, keys: Mapping[str, ObjectKey]) -> None:
        """`keys` names the object of each workload."""
        self._world, self._keys = world, keys
        self._before = routes = world.traffic.routes or Routes(_services(world))
        self._services, self._dialled = routes.services, dict(routes.dialled)
        self._landings: dict[tuple[str, int | None], Landing] = {}
        self._partitions: list[Partition] = partitions(world)
        self._policies = policies(world)
        self._lookup = dns.resolver(world)
        self._nodes: dict[str, Strain | None] = {}
        self._heard: dict[tuple[ObjectKey, int], tuple[Any, Hop]] = {}
        self._stirred = world.store.stirred(routes.version if routes.keys is keys else -1)
        self._serving = dict(routes.serving)
        for name in keys if self._stirred is None else self._owning(self._stirred):
            stamp, known = self._standing(keys[name]), self._serving.get(name)
            if known is None or known.stamp != stamp:
                self._serving[name] = self._find_pods(name, stamp)
        self._version = world.store.version

    def routes(self) -> Routes:
        """What was found, for the next epoch to start from."""
        return Routes(self._services, self._version, self._keys, self._serving, self._landings, self._dialled)

    def _owning(self, owners: Collection[ObjectKey]) -> Iterable[str]:
        """The workloads of those that own pods; all of them if one of those is gone."""
        found = [self._world.store.get(owner) for owner in owners]
        if None in found:
            return self._keys
        tops = [one.owner or one.key for one in found if one is not None]
        names = {f"{top.namespace}/{top.name}": top for top in tops}
        return [name for name, top in names.items() if self._keys.get(name) == top]

    def pods(self, workload: str) -> int:
        """How many pods of a workload serve now."""
        return len(self._serving[workload].pods)

    @property
    def serving(self) -> Mapping[str, Serving]:
        """The pods of each workload that serve now."""
        return self._serving

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
        """Where a user's request to a Service lands: through the Ingress users know it by, where there is one."""
        application = self._world.application
        door = application.doors.get(service)
        if door is None:
            return self._dial(service, None, OUTSIDE)
        found = ingress.route(self._world, door)
        if found.error:
            return {Hop("", found.error): 1}
        return doors.through(self._dial(found.service, found.port, OUTSIDE), application.services.get(service, ()))

    def _standing(self, key: ObjectKey) -> Stamp:
        """What the serving pods of a workload follow from."""
        store = self._world.store
        owners = store.owned_keys(key) if key.kind == "Deployment" else (key,)
        return tuple([(owner, store.standing_since(owner)) for owner in owners])

    def _find_pods(self, name: str, stamp: Stamp) -> Serving:
        store = self._world.store
        owned = [one for owner, _ in stamp if store.standing(owner)[1] for one in store.owned(owner)]
        ready = [pod for pod in owned if pod.key.kind == "Pod" and pod.status.ready and not pod.deleting]
        found = [(pod, strain) for pod in ready if (strain := self._strain(pod.status.node)) is not None]
        return Serving(stamp, tuple([pod for pod, _ in found]), *self._room(name, found)) if found else Serving(stamp)

    def _room(self, name: str, found: list[tuple[Resource, Strain]]) -> tuple[int, int]:
        """CPU that pods on such nodes may use together, and how long they make a request wait in the mean."""
        workload, number = self._world.application.workloads[name], len(found)
        specs = {id(pod.spec): pod.spec for pod, _ in found}  # those of one template share theirs
        usable = {mark: usable_millicores(spec) for mark, spec in specs.items()}
        limits = {mark: limit_millicores(spec, workload.container) for mark, spec in specs.items()}
        waits_us = {mark: throttled_us(workload.cpu_us_per_request, limit) for mark, limit in limits.items()}
        millicores = sum([usable[id(pod.spec)] * (1000 - strain.stolen_permille) // 1000 for pod, strain in found])
        waited_us = sum([waits_us[id(pod.spec)] for pod, _ in found]) if any(waits_us.values()) else 0
        return millicores, waited_us // number + sum([strain.delay_us for _, strain in found]) // number

    def _strain(self, node: str) -> Strain | None:
        """What a node suffers, None where requests do not get through to it."""
        if node not in self._nodes:
            found = self._world.store.get(node_key(node))
            reached = found is not None and found.status.heartbeat and not found.status.strain.cut
            self._nodes[node] = found.status.strain if found is not None and reached else None
        return self._nodes[node]

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
        caller = self._peer(call.namespace, labels) if self._partitions or self._policies else OUTSIDE
        return self._dial(service, address[1], caller)

    def _unresolved(self, service: str) -> str:
        if self._lookup is None:
            return ""
        namespace, _, name = service.partition("/")
        return self._lookup(f"{name}.{namespace}.svc.cluster.local")

    def _peer(self, namespace: str, labels: Mapping[str, str], ip: str = "") -> Peer:
        spaces = namespace_labels(self._world, namespace) if self._policies else {}
        return Peer(namespace, labels, spaces, ip)

    def _dial(self, service: str, port: int | None, caller: Peer) -> Hops:
        found = self._world.store.get(_slice_of(service))
        if found is None:
            return {}
        if self._partitions or self._policies:
            return self._land_all(found, port, caller).hops
        known = self._landings.get((service, port))
        if known is None:
            known = self._before.landings.get((service, port))
            if known is None or known.slice is not found or not self._lasts(known):
                known = self._land_all(found, port, caller)
            self._landings[service, port] = known
        return known.hops

    def _lasts(self, landing: Landing) -> bool:
        """Whether a landing of the last epoch is one of this, as far as its pods go."""
        if self._stirred is None:
            return landing.stamp == self._stamp(landing.owners)
        return not self._stirred or not any(map(self._stirred.__contains__, landing.owners))

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
        if self._strain(endpoint.node) is None or (
            (self._partitions or self._policies) and self._stopped(caller, pod, target)
        ):
            return Hop("", TIMED_OUT)
        return self._hear(pod, target)

    def _stopped(self, caller: Peer, pod: Resource, port: int) -> bool:
        return self._cut(caller, pod) or not self._lets_through(caller, pod, port)

    def _cut(self, caller: Peer, pod: Resource) -> bool:
        sources = [p.target for p in self._partitions if p.source.has(caller.namespace, caller.labels)]
        return any(target.has(pod.key.namespace, pod.labels) for target in sources)

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
