"""A workload's containers and the ports their processes listen on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_sim.manifests.calls import selects
from stratus_sim.manifests.load import Manifests, Object

_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def containers(workload: Object, every: bool = False) -> list[Mapping[str, Any]]:
    """The containers that run together; `every` puts the init containers before them."""
    spec = workload["spec"]["template"]["spec"]
    return [*((spec.get("initContainers") or ()) if every else ()), *spec["containers"]]


def others(manifests: Manifests) -> list[Object]:
    """What runs beside workloads: Jobs, those of CronJobs, ReplicaSets and pods of nobody, each with a template."""
    jobs = [*manifests.of_kind("Job"), *(found["spec"]["jobTemplate"] for found in manifests.of_kind("CronJob"))]
    return [*jobs, *manifests.of_kind("ReplicaSet"), *({"spec": {"template": pod}} for pod in manifests.of_kind("Pod"))]


def main_container(workload: Object) -> Mapping[str, Any]:
    """The container that serves: the first that declares a port, else the first."""
    running = containers(workload)
    return next((c for c in running if c.get("ports")), running[0])


def container_ports(workload: Object) -> list[tuple[str, int]]:
    """(name or empty, number) of every declared port."""
    ports = [port for c in containers(workload) for port in c.get("ports") or ()]
    return [(port.get("name") or "", port["containerPort"]) for port in ports]


def listening_ports(workload: Object, manifests: Manifests) -> frozenset[int]:
    """Where a healthy process listens: on every port its manifests declare, route to, or probe."""
    declared = container_ports(workload)
    named: dict[str, int] = dict(declared)
    reached = [*_target_ports(workload, manifests), *_probed_ports(workload)]
    numbers = [named.get(port) if isinstance(port, str) else port for port in reached]
    return frozenset([*(port for _, port in declared), *(port for port in numbers if port is not None)])


def _target_ports(workload: Object, manifests: Manifests) -> Iterator[int | str]:
    for service in manifests.of_kind("Service"):
        if selects(service, workload):
            for port in service["spec"].get("ports") or ():
                yield port.get("targetPort") or port["port"]


def _probed_ports(workload: Object) -> Iterator[int | str]:
    for container in containers(workload):
        for probe in filter(None, map(container.get, _PROBES)):
            for action in ("httpGet", "tcpSocket", "grpc"):
                if probe.get(action):
                    yield probe[action]["port"]
