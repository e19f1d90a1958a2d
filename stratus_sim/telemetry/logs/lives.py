"""Starts and ends of a container, from its status and what its kubelet said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.behaviours.queue import Queue
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.telemetry.logs import templates
from stratus_sim.telemetry.logs.entries import Entry

if TYPE_CHECKING:
    from stratus_sim.world import World


class Run(NamedTuple):
    """One life of a container: when it began, None if nobody knows any more; when it ended, None if it goes on."""

    started_us: int | None
    ended_us: int | None


def status_of(pod: Resource, container: str) -> ContainerStatus | None:
    """The status of the container of this name, None when the pod has none."""
    names = [found.name for found in container_status.all_of(pod.spec)]
    return container_status.of(pod, names.index(container)) if container in names else None


def present(one: ContainerStatus) -> Run:
    """The run whose log is there to be read: the one that goes on, or the last one."""
    return Run(one.started_us, None if one.state == "running" else one.ended_us)


def previous(one: ContainerStatus) -> Run:
    """The run before the one that goes on; the last one while the next waits."""
    return Run(None if one.state == "running" else one.started_us, one.ended_us)


def entries(world: World, pod: Resource, container: str, run: Run) -> list[Entry]:
    """What a container wrote when it began and when it ended."""
    found = []
    if run.started_us is not None:
        found.append(Entry(run.started_us, templates.STARTING.format(container=container)))
    found += [Entry(at_us, templates.STOPPING) for at_us in _stopped(world, pod, container) if _within(run, at_us)]
    if run.ended_us is not None:
        found += _end(world, pod, container, run.ended_us)
    return found


def _stopped(world: World, pod: Resource, container: str) -> Iterator[int]:
    """When the container was last told to stop, for each reason there was."""
    for event in world.cluster.events.values():
        if event.involved == pod.key and event.reason == "Killing" and container in event.message.split():
            yield event.last_us


def _within(run: Run, at_us: int) -> bool:
    began = run.started_us is None or run.started_us <= at_us
    return began and (run.ended_us is None or at_us <= run.ended_us)


def _end(world: World, pod: Resource, container: str, at_us: int) -> list[Entry]:
    one = status_of(pod, container)
    if one is None or one.last_termination == "Completed":
        return [Entry(at_us, templates.FINISHED.format(container=container))]
    if one.last_termination == "OOMKilled":
        return [Entry(at_us, templates.KILLED, stamped=False)]
    return [Entry(at_us, templates.UNREADABLE.format(offset=offset)) for offset in _stuck_at(world, pod)]


def _stuck_at(world: World, pod: Resource) -> list[int]:
    """The offsets of messages a consumer cannot get past."""
    owner = root_owner(world, pod)
    name = f"{owner.namespace}/{owner.name}" if owner is not None else ""
    queues = [memory for _, memory in sorted(world.traffic.memory.items()) if isinstance(memory, Queue)]
    return [b.taken // 1000 for queue in queues for b in queue.backlogs if b.consumer == name and b.poison]
