"""The status of nodes as the API server returns it, and the taints the control plane puts on them.

Fields: Kubernetes API reference v1.33, "NodeStatus"; reasons and messages as the kubelet and the node controller write
them (kubernetes.io/docs/reference/node/node-status), taints: kubernetes.io/docs/reference/labels-annotations-taints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import nodes, taints
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import NodeStatus
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render_workloads import Json, condition, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

_HEARTBEAT_US = 300 * SECOND_US
"""How often a kubelet writes a status in which nothing has changed (`nodeStatusReportFrequency`)."""


class _Said(NamedTuple):
    """What a kubelet says of something that may run short, as long as it does not and while it does."""

    well: tuple[str, str]
    short: tuple[str, str]


_PRESSURES = {
    "Memory": _Said(
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    ),
    "Disk": _Said(
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("KubeletHasDiskPressure", "kubelet has disk pressure"),
    ),
    "PID": _Said(
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
    ),
}


def node(world: World, body: Json, resource: Resource) -> None:
    """Add the status of a node to its manifest, and the taints that follow from it."""
    declared, room = body.get("status") or {}, nodes.allocatable(resource)
    capacity = {**room, **(declared.get("capacity") or {})}
    conditions = _conditions(world, resource)
    body["status"] = {**declared, "capacity": capacity, "allocatable": room, "conditions": conditions}
    added = taints.controllers(resource)
    if added:
        body["spec"] = {**(body.get("spec") or {}), "taints": [*taints.of(body), *(dict(taint) for taint in added)]}


def _conditions(world: World, resource: Resource) -> list[Json]:
    status: NodeStatus = resource.status
    found = [_pressure(resource, word) for word in _PRESSURES]
    ready = condition("Ready", status.ready, status.since_us, "KubeletReady")
    found.append({**ready, "message": "kubelet is posting ready status"})
    if not status.ready:
        found = [_unknown(one, status) for one in found]
    return [{**one, "lastHeartbeatTime": timestamp(_heartbeat_us(world, resource))} for one in found]


def _pressure(resource: Resource, word: str) -> Json:
    seen_us = resource.status.pressure.get(word)
    reason, message = _PRESSURES[word].well if seen_us is None else _PRESSURES[word].short
    since_us = resource.created_us if seen_us is None else seen_us
    return {**condition(f"{word}Pressure", seen_us is not None, since_us, reason), "message": message}


def _unknown(one: Json, status: NodeStatus) -> Json:
    said = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    return {**one, "status": "Unknown", "lastTransitionTime": timestamp(status.since_us), **said}


def _heartbeat_us(world: World, resource: Resource) -> int:
    """When its kubelet last wrote its status."""
    until_us = world.now_us if resource.status.heartbeat else int(resource.status.silent_us)
    return until_us - (until_us - resource.created_us) % _HEARTBEAT_US
