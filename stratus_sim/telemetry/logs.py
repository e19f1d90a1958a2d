"""Log lines of a pod, made when somebody reads them from what happened to it and to the calls it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.flow import CallFlow
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.events import EventRecord
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.telemetry.render import timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World


def lines(world: World, key: ObjectKey) -> list[str]:
    """What `kubectl logs` prints for a pod, oldest first; empty for a pod that is not there or on no node.

    A container that waits has no log: the one line then is kubectl's own.
    """
    pod = world.store.get(key)
    if pod is None or not pod.status.node:
        return []
    if pod.status.phase == "Pending":
        return [_waiting(pod)]
    return [*_lives(world, pod), *_failed_calls(world, pod)]


def _waiting(pod: Resource) -> str:
    container, reason = pod.spec.containers[0].name, pod.status.reason or "ContainerCreating"
    return f'container "{container}" in pod "{pod.key.name}" is waiting to start: {reason}'


def _lives(world: World, pod: Resource) -> list[str]:
    """Starts, and the shell's word on a process the kernel killed, which can write nothing itself."""
    started = [e for e in _events_of(world, pod) if e.reason == "Started"]
    found = [f"{timestamp(e.last_us)} INFO {pod.spec.containers[0].name} starting" for e in started[-1:]]
    if pod.status.last_termination == "OOMKilled":
        found.append("Killed")
    return found


def _events_of(world: World, pod: Resource) -> list[EventRecord]:
    found = [e for e in world.cluster.events.values() if e.involved == pod.key]
    return sorted(found, key=lambda e: (e.last_us, e.reason, e.message))


def _failed_calls(world: World, pod: Resource) -> list[str]:
    """One line per callee that fails; a pod that gets no requests makes no calls."""
    owner = root_owner(world, pod)
    if owner is None or not serving(pod):
        return []
    source = f"{owner.namespace}/{owner.name}"
    flows = [flow for flow in epochs.current(world).calls if flow.call.source_key == source and flow.error]
    return [_failure(world.now_us, flow) for flow in flows]


def _failure(now_us: int, flow: CallFlow) -> str:
    share = f"{1000 - flow.success_permille} of the last 1000"
    return f"{timestamp(now_us)} ERROR call to {flow.call.target} failed: {flow.error} ({share})"
