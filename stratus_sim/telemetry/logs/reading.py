"""`kubectl logs`: which run of which container, and its lines in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.manifests.application import Workload
from stratus_sim.telemetry.logs import lives, traffic
from stratus_sim.telemetry.logs.entries import Entry

if TYPE_CHECKING:
    from stratus_sim.world import World

MAX_LINES = 200
"""Older lines have been rotated away."""


def lines(world: World, key: ObjectKey, container: str | None = None, *, previous: bool = False) -> list[str]:
    """What `kubectl logs` prints for a pod, oldest first; empty for a pod that is not there or on no node.

    Without `container` it is the one that serves. Where there is no log to read, the only line is kubectl's own.
    """
    pod = world.store.get(key)
    if pod is None or not pod.status.node:
        return []
    problem = refusal(world, pod, container, previous=previous)
    found = entries(world, key, container, previous=previous)
    return [problem] if problem else [entry.line() for entry in found]


def entries(world: World, key: ObjectKey, container: str | None = None, *, previous: bool = False) -> list[Entry]:
    """The same lines with the time each was written at; empty where there is no log to read."""
    pod = world.store.get(key)
    if pod is None or not pod.status.node or refusal(world, pod, container, previous=previous):
        return []
    return _written(world, pod, container or serving_container(world, pod), previous=previous)


def refusal(world: World, pod: Resource, container: str | None, *, previous: bool) -> str:
    """Why the API server has no log to show; empty when it has one."""
    named = container or serving_container(world, pod)
    one = lives.status_of(pod, named)
    if one is None:
        return f"container {named} is not valid for pod {pod.key.name}"
    if previous and (not one.last_termination or one.state == "terminated"):
        return f'previous terminated container "{named}" in pod "{pod.key.name}" not found'
    if not one.started_us and one.state == "waiting":
        reason = one.reason or "ContainerCreating"
        return f'container "{named}" in pod "{pod.key.name}" is waiting to start: {reason}'
    return ""


def serving_container(world: World, pod: Resource) -> str:
    """The container that answers requests, else the first."""
    known = _workload(world, pod)
    names = [found.name for found in pod.spec.containers]
    return known.container if known is not None and known.container in names else names[0]


def _written(world: World, pod: Resource, container: str, *, previous: bool) -> list[Entry]:
    one, known = lives.status_of(pod, container) or pod.status, _workload(world, pod)
    found = lives.entries(world, pod, container, lives.previous(one) if previous else lives.present(one))
    serves = known is not None and container == known.container and serving(pod) and world.node_alive(pod.status.node)
    if known is not None and serves and not previous:
        found += traffic.entries(world, pod, known)
    return sorted(found, key=lambda entry: entry.at_us)[-MAX_LINES:]


def _workload(world: World, pod: Resource) -> Workload | None:
    owner = root_owner(world, pod)
    return None if owner is None else world.application.workloads.get(f"{owner.namespace}/{owner.name}")
