"""From an address in a pod's environment to the pods it reaches, as DNS, kube-proxy and the network do it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.application.chaos import partitions
from stratus_sim.cluster.endpoints import serving, slice_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import usable_millicores
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


class Hop(NamedTuple):
    """One place where a call may land: the workload reached, or the error met on the way."""

    workload: str
    error: str = ""


class Router:
    """Routes of one epoch. Everything is looked up once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._services = frozenset(f"{k.namespace}/{k.name}" for k in world.store.state.by_kind.get("Service", ()))
        self._partitions = partitions(world)
        self._serving = {name: self._find_pods(name) for name in world.application.workloads}

    def pods(self, workload: str) -> int:
        """How many pods of a workload serve now."""
        return len(self._serving[workload])

    def capacity(self, workload: str) -> int:
        """Requests per 1,000 s that the serving pods can carry."""
        cost_us = self._world.application.workloads[workload].cpu_us_per_request
        millicores = sum(usable_millicores(pod.spec) for pod in self._serving[workload])
        return millicores * 1_000_000 // max(1, cost_us)

    def call(self, call: Call) -> list[Hop]:
        """Where a call lands, seen from every serving pod of its caller."""
        callers = self._serving[call.source_key]
        if not callers:
            return [Hop("")]  # nobody calls, so nothing fails
        outcomes: dict[tuple[str, int | None], list[Hop]] = {}
        hops: list[Hop] = []
        for pod in callers:
            address = self._address(call, pod)
            if address not in outcomes:
                outcomes[address] = self._resolve(address, call, pod)
            hops += outcomes[address]
        return hops

    def enter(self, service: str) -> list[Hop]:
        """Where a user's request to a Service lands."""
        return self._dial(service, None, {})

    def _find_pods(self, name: str) -> list[Resource]:
        workload = self._world.application.workloads[name]
        owners = [ObjectKey(workload.kind, workload.namespace, workload.name)]
        if workload.kind == "Deployment":
            owners = [r.key for r in self._world.store.owned(owners[0])]
        found = [pod for owner in owners for pod in self._world.store.owned(owner) if serving(pod)]
        return [pod for pod in found if self._world.node_alive(pod.status.node)]

    def _address(self, call: Call, pod: Resource) -> tuple[str, int | None]:
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

    def _resolve(self, address: tuple[str, int | None], call: Call, pod: Resource) -> list[Hop]:
        service = resolve_host(address[0], call.namespace, self._services)
        if service is None:
            return [Hop("", f"no such host: {address[0]}")]
        return self._dial(service, address[1], pod.labels)

    def _dial(self, service: str, port: int | None, caller: Mapping[str, str]) -> list[Hop]:
        namespace, _, name = service.partition("/")
        key = ObjectKey("Service", namespace, name)
        found = self._world.store.get(slice_of(key))
        endpoints: tuple[Endpoint, ...] = found.status.endpoints if found else ()
        return [self._land(namespace, endpoint, port, caller) for endpoint in endpoints]

    def _land(self, namespace: str, endpoint: Endpoint, port: int | None, caller: Mapping[str, str]) -> Hop:
        pod = self._world.store.get(ObjectKey("Pod", namespace, endpoint.pod))
        target = endpoint.ports.get(port) if port is not None else next(iter(endpoint.ports.values()), None)
        if pod is None or target is None:
            return Hop("", "connection refused")
        owner = root_owner(self._world, pod)
        cut = any(p.cuts(caller, pod.labels) for p in self._partitions)
        if cut or not self._world.node_alive(endpoint.node):
            return Hop("", "deadline exceeded")
        if not self._world.processes.listens(owner, pod, target):
            return Hop("", "connection refused")
        return Hop(f"{namespace}/{owner.name}" if owner else "")
