"""The application that manifests describe: its workloads, Services, calls, and where traffic enters.

At load time the application is taken to be healthy: a process listens where its manifests say it is reached,
and its resources suffice. Faults and agents change the manifests later; what is described here stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from stratus_sim.errors import UserError
from stratus_sim.manifests import entry, kinds, sizing
from stratus_sim.manifests.calls import (
    Call,
    call_ends,
    infer_calls,
    object_key,
    pod_labels,
    selects,
    sorted_calls,
)
from stratus_sim.manifests.containers import container_ports, containers, listening_ports, main_container, others
from stratus_sim.manifests.doors import Door, doors
from stratus_sim.manifests.load import Manifests, Object
from stratus_sim.manifests.topology import Profile, Topology, resolve_name
from stratus_sim.manifests.traffic import UNDECLARED, Traffic
from stratus_sim.manifests.traffic_reader import Names, at_least, read_health, read_traffic


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet and what one process of its pods needs.

    `container` is the one that serves: the first that declares a port, else the first. `cpu_us_per_request`
    is CPU time, `latency_us` the time a request takes beyond it and beyond the calls it makes. One pod works on
    `concurrency` requests at once (None: as many as its CPU allows) while `queue` may wait. On the wire a request
    weighs `request_bytes` and its answer `response_bytes`. `behaviour` is the name that was declared for it, if any.
    """

    kind: str
    namespace: str
    name: str
    replicas: int
    labels: Mapping[str, str]
    container: str
    container_ports: tuple[int, ...]
    listens: frozenset[int]
    memory_mib: int
    cpu_us_per_request: int
    latency_us: int
    concurrency: int | None = None
    queue: int | None = None
    request_bytes: int = sizing.REQUEST_BYTES
    response_bytes: int = sizing.RESPONSE_BYTES
    behaviour: str = ""

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Application:
    """What runs and who talks to whom; every key is `namespace/name`.

    `services` gives the workloads a Service selects; `entrypoints` are Services, `generators` workloads that
    only make traffic; `images` are those a registry has. `traffic` is what was declared of it;
    `doors` are the addresses at which users find a Service behind an Ingress. `health` has the calls that a workload's
    health endpoints make before they answer, by path or gRPC service.
    """

    workloads: Mapping[str, Workload]
    services: Mapping[str, tuple[str, ...]]
    calls: tuple[Call, ...]
    entrypoints: tuple[str, ...]
    generators: tuple[str, ...]
    images: frozenset[str]
    traffic: Traffic = UNDECLARED
    doors: Mapping[str, Door] = field(default_factory=dict)
    health: Mapping[str, Mapping[str, tuple[Call, ...]]] = field(default_factory=dict)

    def calls_from(self, workload: str) -> tuple[Call, ...]:
        """The calls a workload (`namespace/name`) makes."""
        return _calls_by_source(self).get(workload, ())


@lru_cache(maxsize=64)
def _calls_by_source(application: Application) -> Mapping[str, tuple[Call, ...]]:
    sources = dict.fromkeys(call.source_key for call in application.calls)
    return {source: tuple(call for call in application.calls if call.source_key == source) for source in sources}


def describe(manifests: Manifests, topology: Topology | None = None) -> Application:
    """Read the application off its manifests; what the topology declares goes before what is inferred.

    Raises UserError for a name in the topology that the manifests do not have, and for malformed quantities.
    """
    topology = topology or Topology()
    objects = {object_key(item): item for item in manifests.of_kind(*kinds.WORKLOADS)}
    services = {
        object_key(service): tuple(key for key, item in objects.items() if selects(service, item))
        for service in manifests.of_kind("Service")
    }
    calls = _with_declared(infer_calls(manifests), topology, objects, services)
    generators = entry.generators(manifests, services, calls, objects)
    calls = tuple(replace(c, hard=c.hard and not _reaches(c, services, generators)) for c in calls)
    traffic = read_traffic(topology, Names(objects, services, calls))
    entered = tuple(dict.fromkeys(one.service for one in traffic.types))
    declared = _declared_entrypoints(topology, services, objects)
    entrypoints = entered or declared or entry.entrypoints(manifests, services, calls, generators)
    workloads = {key: _workload(item, manifests, key in _callers(calls)) for key, item in objects.items()}
    workloads = _sized(workloads, objects, sizing.visits(objects, services, calls, entrypoints))
    workloads = _as_declared(workloads, topology)
    running = [*objects.values(), *others(manifests)]
    images = frozenset(c.get("image") or "" for item in running for c in containers(item, every=True))
    health = read_health(topology, Names(objects, services, calls))
    return Application(workloads, services, calls, entrypoints, generators, images, traffic, doors(manifests), health)


def _reaches(call: Call, services: Mapping[str, tuple[str, ...]], generators: Collection[str]) -> bool:
    return not set(services.get(call.target_key, ())).isdisjoint(generators)


def _callers(calls: tuple[Call, ...]) -> set[str]:
    return {call.source_key for call in calls if call.hard}


def _with_declared(
    inferred: tuple[Call, ...], topology: Topology, workloads: Mapping[str, Object], services: Collection[str]
) -> tuple[Call, ...]:
    declared = []
    for index, call in enumerate(topology.calls):
        where = f"{topology.file}: calls[{index}]"
        source = resolve_name(call.source, workloads, "workload", f"{where}.from")
        target = resolve_name(call.target, services, "Service", f"{where}.to")
        container = main_container(workloads[source])["name"]
        declared.append(Call(*call_ends(source, target), call.port, "declared", container, call.hard))
    edges = {(call.source_key, call.target_key) for call in declared}
    return sorted_calls([*(c for c in inferred if (c.source_key, c.target_key) not in edges), *declared])


def _declared_entrypoints(
    topology: Topology, services: Mapping[str, tuple[str, ...]], workloads: Collection[str]
) -> tuple[str, ...]:
    found: list[str] = []
    for index, name in enumerate(topology.entrypoints):
        where = f"{topology.file}: entrypoints[{index}]"
        if any(name in (key, key.partition("/")[2]) for key in services):
            found.append(resolve_name(name, services, "Service", where))
            continue
        workload = resolve_name(name, workloads, "Service or workload", where)
        reached = [service for service, selected in services.items() if workload in selected]
        if not reached:
            raise UserError(f"{where}: no Service selects {name!r}, so no request can enter there")
        found.extend(reached)
    return tuple(dict.fromkeys(found))


def _workload(item: Object, manifests: Manifests, calls_others: bool) -> Workload:
    main, replicas = main_container(item), item["spec"].get("replicas")
    return Workload(
        kind=item["kind"],
        namespace=object_key(item).partition("/")[0],
        name=item["metadata"]["name"],
        replicas=1 if replicas is None else replicas,
        labels=dict(pod_labels(item)),
        container=main["name"],
        container_ports=tuple(port for _, port in container_ports(item)),
        listens=listening_ports(item, manifests),
        memory_mib=sizing.memory_mib(main),
        cpu_us_per_request=0,
        latency_us=sizing.SERVICE_LATENCY_US if calls_others else sizing.STORE_LATENCY_US,
    )


def _sized(
    workloads: Mapping[str, Workload], objects: Mapping[str, Object], visits: Mapping[str, int]
) -> dict[str, Workload]:
    cpu_us = {key: sizing.cpu_us_per_request(main_container(objects[key]), visits[key]) for key in workloads}
    return {key: replace(w, cpu_us_per_request=cpu_us[key]) for key, w in workloads.items()}


def _as_declared(workloads: dict[str, Workload], topology: Topology) -> dict[str, Workload]:
    for name, ports in topology.listens.items():
        key = resolve_name(name, workloads, "workload", f"{topology.file}: listens.{name}")
        workloads[key] = replace(workloads[key], listens=frozenset(ports))
    for name, profile in topology.profiles.items():
        key = resolve_name(name, workloads, "workload", f"{topology.file}: profiles.{name}")
        workloads[key] = _profiled(workloads[key], profile, f"{topology.file}: profiles.{name}")
    return workloads


def _profiled(workload: Workload, profile: Profile, where: str) -> Workload:
    for name, least in (("concurrency", 1), ("queue", 0), ("request_bytes", 0), ("response_bytes", 0)):
        if (figure := getattr(profile, name)) is not None:
            at_least(least, figure, f"{where}.{name}")

    def first(declared: int | None, derived: int) -> int:
        return derived if declared is None else declared

    return replace(
        workload,
        memory_mib=first(profile.memory_mib, workload.memory_mib),
        cpu_us_per_request=first(profile.cpu_us_per_request, workload.cpu_us_per_request),
        latency_us=first(profile.latency_us, workload.latency_us),
        concurrency=profile.concurrency,
        queue=profile.queue,
        request_bytes=first(profile.request_bytes, workload.request_bytes),
        response_bytes=first(profile.response_bytes, workload.response_bytes),
        behaviour=profile.behaviour,
    )
