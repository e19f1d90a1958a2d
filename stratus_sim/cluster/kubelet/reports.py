"""What a kubelet reports of its pods: the status of one container, or that all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from stratus_sim.cluster import container_status, endpoints, nodes, pods
from stratus_sim.cluster.lifecycle import KILLED
from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.status import ContainerStatus, PodStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_NOTHING: Mapping[str, Any] = {}
_LOST = 255
"""The exit code of a container nobody saw end."""
_FIELDS = ContainerStatus.__struct_fields__


def open_up(world: World, pod: Resource) -> Resource:
    """The pod with its address, and a status for each of its containers where there are several."""
    status: PodStatus = pod.status
    changes: dict[str, Any] = {} if status.ip else {"ip": _address(world, pod)}
    if not status.containers and container_status.several(pod.spec):
        alike = ContainerStatus(state=status.state, ready=status.ready, started_us=status.started_us)
        changes["containers"] = (alike,) * len(container_status.all_of(pod.spec))
    if not changes:
        return pod
    pods.update(world, pod, **changes)
    endpoints.addressed(world, pod)
    return world.store.get(pod.key) or pod


def _address(world: World, pod: Resource) -> str:
    """The address of a pod in 10.128.0.0/9, which depends on no other pod: the model itself connects by name.

    On the host's network it is the node's.
    """
    host = world.store.get(node_key(pod.status.node)) if pod.spec.host_network else None
    if host is not None:
        return nodes.address(host)
    mark = crc32(f"{pod.key} {pod.created_us}".encode())
    return f"10.{128 + (mark >> 16) % 128}.{(mark >> 8) % 256}.{mark % 256}"


def update(world: World, pod: Resource, at: int, **changes: Any) -> None:
    """Report what changed of one container, and what follows from it for the pod."""
    report(world, pod, at, changes)


def report(world: World, pod: Resource, at: int, changes: Mapping[str, Any]) -> None:
    """As `update`, of changes that are at hand."""
    pods.report(world, pod, changed(pod, at, changes) if pod.status.containers else changes)


def changed(pod: Resource, at: int, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a change of one container makes of the fields of its pod's status; fields of the pod's own stay."""
    status: PodStatus = pod.status
    if not status.containers:
        return changes
    mine = {name: value for name, value in changes.items() if name in _FIELDS}
    each = list(status.containers)
    each[at] = msgspec.structs.replace(each[at], **mine)
    summed = container_status.summed(pod, each, changes.get("initialized", status.initialized))
    return {**changes, **summed, "containers": tuple(each)}


def finish(world: World, pod: Resource, reason: str, message: str = "", changes: Mapping[str, Any] = _NOTHING) -> None:
    """Record that a pod has ended for good, well for `Completed`, else failed for `reason`; what still runs is killed.

    `changes` are what its last container to end has made of the status.
    """
    well = reason == "Completed"
    end = {"state": "terminated", "ready": False, "ended_us": world.now_us, "code": 0 if well else KILLED}
    killed = {**end, "reason": "Completed" if well else "Error"}
    each: tuple[ContainerStatus, ...] = changes.get("containers", pod.status.containers)
    ended = tuple(msgspec.structs.replace(one, **killed) if one.state == "running" else one for one in each)
    whole = {"phase": "Succeeded" if well else "Failed", "reason": reason, "message": message, "containers": ended}
    pods.update(world, pod, **{**end, **changes, **whole})


def lose(world: World, pod: Resource) -> bool:
    """Record that nothing of a pod runs any more since its node has started anew; whether anything did before."""
    node = world.store.get(node_key(pod.status.node))
    silent_us = 0 if node is None else int(node.status.silent_us)
    ended_us = silent_us if silent_us > pod.status.started_us else world.now_us
    each = [msgspec.structs.replace(one, **_lost(one, ended_us)) for one in pod.status.containers]
    if each:
        changes = {**container_status.summed(pod, each, 0), "containers": tuple(each), "initialized": 0}
    else:
        changes = {**_lost(pod.status, ended_us), "ready": False}
    ran = bool(container_status.running(pod))
    pods.update(world, pod, **changes)
    return ran


def _lost(one: ContainerStatus, ended_us: int) -> dict[str, Any]:
    """What changes: who ran has ended with its node, nobody knows how; who waited does so no more; who was done, is."""
    if one.state == "terminated" and not one.code:
        return {}
    fresh = {
        "state": "waiting", "ready": False, "reason": "", "message": "", "failures": 0, "attempts": 0, "streaks": (),
    }  # fmt: skip
    if one.state != "running":
        return fresh
    end = {"last_termination": "Unknown", "code": _LOST, "ended_us": ended_us}
    return {**fresh, **end, "state": "terminated", "reason": "Unknown"}
