"""What a kubelet reports of its pods: the status of one container, or that all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.lifecycle import KILLED
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import ContainerStatus, PodStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_NOTHING: Mapping[str, Any] = {}
_LOST = 255
"""The exit code of a container nobody saw end."""
_FIELDS = ContainerStatus.__struct_fields__


def open_up(world: World, pod: Resource) -> Resource:
    """The pod with a status for each of its containers, where there are several."""
    status: PodStatus = pod.status
    if status.containers or not container_status.several(pod.spec):
        return pod
    alike = ContainerStatus(state=status.state, ready=status.ready, started_us=status.started_us)
    pods.update(world, pod, containers=(alike,) * len(container_status.all_of(pod.spec)))
    return world.store.get(pod.key) or pod


def update(world: World, pod: Resource, at: int, **changes: Any) -> None:
    """Report what changed of one container, and what follows from it for the pod."""
    pods.update(world, pod, **(changed(pod, at, changes) if pod.status.containers else changes))


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
    each = [_lost(world, one) for one in pod.status.containers]
    if each:
        changes = {**container_status.summed(pod, each, 0), "containers": tuple(each), "initialized": 0}
    else:
        changes = {**_changes(world, pod.status), "ready": False}
    ran = bool(container_status.running(pod))
    pods.update(world, pod, **changes)
    return ran


def _lost(world: World, one: ContainerStatus) -> ContainerStatus:
    return msgspec.structs.replace(one, **_changes(world, one))


def _changes(world: World, one: ContainerStatus) -> dict[str, Any]:
    """Who ran has ended, nobody knows how; who waited, waits for nothing any more; who was done, stays so."""
    if one.state == "terminated" and not one.code:
        return {}
    fresh = {"state": "waiting", "ready": False, "reason": "", "message": "", "failures": 0, "attempts": 0}
    if one.state != "running":
        return fresh
    end = {"last_termination": "Unknown", "code": _LOST, "ended_us": world.now_us}
    return {**fresh, **end, "state": "terminated", "reason": "Unknown"}
