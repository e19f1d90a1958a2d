"""From an address in a pod's environment to the pods it reaches, as DNS, kube-proxy and the network do it.

What was found in the last epoch is kept with a stamp of what it was read from, and read again only where that changed:
an epoch costs what changed since the last one, not the pods there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratus_sim.application import doors
from stratus_sim.application.barriers import Barriers
from stratus_sim.application.errors import TIMED_OUT
from stratus_sim.application.routes import (
    REFUSED,
    Address,
    Dialled,
    Hop,
    Hops,
    Landing,
    Read,
    Routes,
    Serving,
    Stamp,
    added,
    unread,
)
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster import dns, ingress
from stratus_sim.cluster.endpoints import runs
from stratus_sim.cluster.network_policy import OUTSIDE, Peer
from stratus_sim.cluster.objects import ObjectKey, Resource, known_key
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_millicores, usable_millicores
from stratus_sim.cluster.status import Endpoint, Strain
from stratus_sim.cluster.volumes import lookup
from stratus_sim.manifests.addresses import resolve_host
from stratus_sim.manifests.application import Application
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
        self._before = routes = world.traffic.routes or unread(world)
        self._services, self._nodes, self._dialled = routes.services, routes.nodes, dict(routes.dialled)
        self._landings: dict[tuple[str, int | None], Landing | None] = {}
        self._barriers = Barriers(world) or None
        self._lookup = dns.resolver(world)
        self._heard: dict[tuple[ObjectKey, int], tuple[Any, Hop]] = {}
        self._stirred = world.store.stirred(routes.version if routes.keys is keys else -1)
        self._serving = dict(routes.serving)
        self._altered: set[str] = set()
        for name in keys if self._stirred is None else self._owning(self._stirred):
            stamp, known = self._standing(keys[name]), self._serving.get(name)
            if known is None or known.stamp != stamp:
                self._serving[name] = self._find_pods(name, stamp)
                self._altered.add(name)
        self._version = world.store.version
        self._steady = not (self._barriers or self._lookup or self.application.doors)
        self.begin_reading()

    @property
    def application(self) -> Application:
        """The application whose routes these are."""
        return self._world.application

    def begin_reading(self) -> None:
        """What is asked from now on is one reading."""
        self._read: dict[tuple[str, int | None], Landing | None] = {}
        self._filed = False

    def read(self, source: str) -> Read:
        """What was read since the reading began, seen from the pods of a workload."""
        return Read(source, self._read, self._steady and not self._filed)

    def lasts(self, read: Read) -> bool:
        """Whether an earlier reading, if the last one, would find the same now."""
        if not (read.steady and self._steady) or read.source in self._altered:
            return False
        for (service, _), landing in read.landings.items():
            found = self._world.store.get(_slice_of(service))
            if found if landing is None else landing.slice is not found or not self._lasts(landing):
                return False
        self._landings.update(read.landings)
        return True

    def rest(self, names: Iterable[str]) -> bool:
        """Whether workloads have the same pods as when they were last looked at."""
        return self._altered.isdisjoint(names)

    def routes(self) -> Routes:
        """What was found, for the next epoch to start from."""
        return Routes(
            self._services, self._nodes, self._version, self._keys, self._serving, self._landings, self._dialled
        )

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
        dialled, filed = self._dialled.get(call), call.via.startswith("configmap")
        self._filed = self._filed or filed
        if dialled is None or dialled.caller is not caller or filed:
            self._dialled[call] = dialled = Dialled(caller, self._addresses(call, caller))
        found = [(self._resolve(a, call, labels), n) for a, (n, labels) in dialled.addresses.items()]
        return found[0][0] if len(found) == 1 else added(found)

    def dial(self, call: Call, pod: Resource) -> Hops:
        """Where a call lands, seen from one pod of its caller, whether it serves or not."""
        return self._resolve(self._address(call, pod), call, pod.labels)

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
        store, nodes = self._world.store, self._nodes
        owned = [one for owner, _ in stamp if store.standing(owner)[1] for one in store.owned(owner)]
        ready = [pod for pod in owned if pod.key.kind == "Pod" and pod.status.ready and not pod.deleting]
        found = [(pod, strain) for pod in ready if (strain := nodes.get(pod.status.node)) is not None]
        return Serving(stamp, tuple([pod for pod, _ in found]), *self._room(name, found)) if found else Serving(stamp)

    def _room(self, name: str, found: list[tuple[Resource, Strain]]) -> tuple[int, int]:
        """CPU that pods on such nodes may use together, and how long they make a request wait in the mean."""
        workload = self._world.application.workloads[name]
        rooms: dict[int, tuple[int, int]] = {}  # those of one template share their spec
        millicores = waits_us = delays_us = 0
        for pod, strain in found:
            spec = pod.spec
            room = rooms.get(id(spec))
            if room is None:
                limit = limit_millicores(spec, workload.container)
                rooms[id(spec)] = room = usable_millicores(spec), throttled_us(workload.cpu_us_per_request, limit)
            millicores += room[0] * (1000 - strain.stolen_permille) // 1000
            waits_us += room[1]
            delays_us += strain.delay_us
        return millicores, waits_us // len(found) + delays_us // len(found)

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
        return next((c for c in pod.manifest["spec"]["containers"] if c["name"] == call.container), {})

    def _resolve(self, address: Address, call: Call, labels: Mapping[str, str]) -> Hops:
        service = resolve_host(address[0], call.namespace, self._services)
        if service is None:
            return {Hop("", f"no such host: {address[0]}"): 1}
        problem = self._unresolved(service)
        if problem:
            return {Hop("", f"{problem}: {address[0]}"): 1}
        if self._barriers is None:
            return self._dial(service, address[1], OUTSIDE)
        caller = self._barriers.peer(call.namespace, labels)
        if self._barriers.mute(caller):
            return {Hop("", f"{dns.UNANSWERED}: {address[0]}"): 1}
        return self._dial(service, address[1], caller)

    def _unresolved(self, service: str) -> str:
        if self._lookup is None:
            return ""
        namespace, _, name = service.partition("/")
        return self._lookup(f"{name}.{namespace}.svc.cluster.local")

    def _dial(self, service: str, port: int | None, caller: Peer) -> Hops:
        found, at = self._world.store.get(_slice_of(service)), (service, port)
        if found is None:
            self._read[at] = None
            return {}
        if self._barriers is not None:
            return self._land_all(found, port, caller).hops
        known = self._landings.get(at)
        if known is None:
            known = self._before.landings.get(at)
            if known is None or known.slice is not found or not self._lasts(known):
                known = self._land_all(found, port, caller)
        self._landings[at] = self._read[at] = known
        return known.hops

    def _lasts(self, landing: Landing) -> bool:
        """Whether a landing of the last epoch is one of this, as far as its pods go."""
        if self._stirred is None:
            return landing.stamp == self._stamp(landing.owners)
        return not self._stirred or not any(map(self._stirred.__contains__, landing.owners))

    def _land_all(self, slice_: Resource, port: int | None, caller: Peer) -> Landing:
        hops: dict[Hop, int] = {}
        owners: dict[ObjectKey, None] = {}
        for endpoint in slice_.status.ready:
            pod = self._world.store.get(known_key("Pod", slice_.key.namespace, endpoint.pod))
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
