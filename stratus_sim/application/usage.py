"""How much CPU each container has used since it started: summed whenever a workload's load, or who shares it, changes.

The pods of a workload that serve are all as busy as its load says. So one sum a workload is kept, of what a pod would
have done that was always there, and a mark in it wherever other pods serve from then on: a pod came in at the first
mark after it became ready. Only what serves again without having been started anew needs notes of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import ContainerStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 32
_AT = attrgetter("at_us")


class Work(msgspec.Struct, frozen=True, gc=False):
    """What a pod has done by `at_us`: `busy` permille of the CPU it may use times microseconds, and `full` microseconds
    in which there was more to do than that."""

    at_us: int
    busy: int = 0
    full: int = 0

    def since(self, before: Work) -> Work:
        """What was done between the two."""
        return Work(self.at_us, self.busy - before.busy, self.full - before.full)

    def after(self, before: Work) -> Work:
        """What was done on top of what had been done before."""
        return Work(self.at_us, self.busy + before.busy, self.full + before.full)


class Pause(msgspec.Struct, frozen=True):
    """A run of a container, told by its start, that stopped serving after it had `done` something; where it serves
    again, what one that was always there had done when that began."""

    pod: Resource
    started_us: int
    done: Work
    back: Work | None = None


class Share(msgspec.Struct, frozen=True):
    """The work of one workload: since a pod that was always there had done `work`, the `pods` share what `flow` says.

    `marks` are what such a pod had done whenever others began to serve, `pauses` by uid of containers that run still.
    `full_us` is since when there has been more to do than could be done, None where there is not.
    """

    pods: tuple[Resource, ...]
    flow: WorkloadFlow
    work: Work
    marks: tuple[Work, ...]
    pauses: Mapping[int, Pause] = {}
    full_us: int | None = None

    def done(self, now_us: int) -> Work:
        """What a pod has done by now that was always there."""
        before, load = self.work, self.flow.load_permille
        elapsed_us = now_us - before.at_us
        if load > 1000:
            return Work(now_us, before.busy + 1000 * elapsed_us, before.full + elapsed_us)
        return Work(now_us, before.busy + load * elapsed_us, before.full)


def since_begun(world: World) -> Mapping[str, Share]:
    """The shares from now on, by workload (`namespace/name`); those of whom nothing has changed stay as they are."""
    traffic, now_us = world.traffic, world.now_us
    if traffic.begun is None or traffic.routes is None:
        return traffic.shares
    known, serving = traffic.shares, traffic.routes.serving
    changed: dict[str, Share] = {}
    for name, flow in traffic.begun.workloads.items():
        share, pods = known.get(name), serving[name].pods
        if share is None:
            full_us = now_us if flow.load_permille > 1000 else None
            changed[name] = Share(pods, flow, Work(now_us), (Work(now_us),), full_us=full_us)
        elif share.pods is not pods:
            changed[name] = _shared_anew(world, name, share, flow, pods)
        elif share.flow != flow:
            full_us = _full_us(share, flow, now_us)
            changed[name] = Share(pods, flow, share.done(now_us), share.marks, share.pauses, full_us)
    return {**known, **changed} if changed else known


def _shared_anew(world: World, name: str, share: Share, flow: WorkloadFlow, pods: tuple[Resource, ...]) -> Share:
    done, marks = share.done(world.now_us), share.marks
    if len(marks) > _MANY + 2 * len(pods):
        marks = _needed(marks, pods)
    pauses, full_us = _pauses(world, name, share, pods, done), _full_us(share, flow, world.now_us)
    return Share(pods, flow, done, (*marks, done), pauses, full_us)


def _full_us(share: Share, flow: WorkloadFlow, now_us: int) -> int | None:
    if flow.load_permille <= 1000:
        return None
    return now_us if share.full_us is None else share.full_us


def _needed(marks: tuple[Work, ...], pods: Iterable[Resource]) -> tuple[Work, ...]:
    """The marks at which one of the pods came in."""
    kept = {_came_in(marks, pod) for pod in pods}
    return tuple([mark for at, mark in enumerate(marks) if at in kept])


def _came_in(marks: tuple[Work, ...], pod: Resource) -> int:
    """The place of the first mark since a pod is ready, the last one where none is."""
    return min(bisect_left(marks, pod.status.since_us, key=_AT), len(marks) - 1)


def _pauses(world: World, name: str, share: Share, pods: tuple[Resource, ...], done: Work) -> dict[int, Pause]:
    """The notes on those that serve no longer but run, and on those that serve again."""
    here = set(map(id, pods))
    found: dict[int, Pause] = {}
    for pod in share.pods:
        if id(pod) not in here:
            now = world.store.get(pod.key)
            if now is None or now.status.state != "running":
                continue
            if id(now) not in here or now.status.since_us != pod.status.since_us:
                pause = Pause(pod, _started_us(world, name, pod), _own(world, name, share, pod, done))
                found[pod.uid] = replace(pause, back=done) if id(now) in here else pause
    if not found and not share.pauses:
        return found
    serving = {pod.uid for pod in pods}
    before = {
        uid: replace(pause, back=done) if pause.back is None and uid in serving else pause
        for uid, pause in share.pauses.items()
    }
    return {uid: pause for uid, pause in {**before, **found}.items() if _runs(world, name, pause)}


def _runs(world: World, name: str, pause: Pause) -> bool:
    """Whether that run of the container still goes on."""
    pod = world.store.get(pause.pod.key)
    return pod is not None and pod.uid == pause.pod.uid and _started_us(world, name, pod) == pause.started_us


def _started_us(world: World, name: str, pod: Resource) -> int:
    """When the container that serves last started; -1 once that has ended."""
    one: ContainerStatus = pod.status
    if pod.status.containers:
        names = [container.name for container in container_status.all_of(pod.spec)]
        serving = world.application.workloads[name].container
        one = container_status.of(pod, names.index(serving)) if serving in names else one
    return one.started_us if one.state == "running" else -1


def _own(world: World, name: str, share: Share, pod: Resource, done: Work) -> Work:
    """What a pod that serves has done in this run of its container, when one that was always there has `done` that."""
    pause = share.pauses.get(pod.uid)
    if pause is None or pause.started_us != _started_us(world, name, pod):
        return done.since(share.marks[_came_in(share.marks, pod)])
    return pause.done if pause.back is None else done.since(pause.back).after(pause.done)


def worked(world: World, name: str) -> dict[int, Work]:
    """What the containers that serve a workload (`namespace/name`) have done since they last started, by uid of their
    pod; those that have done nothing may be missing. A pure reading."""
    share = world.traffic.shares.get(name)
    if share is None:
        return {}
    done = share.done(world.now_us)
    found = {uid: pause.done for uid, pause in share.pauses.items()}
    found |= {pod.uid: _own(world, name, share, pod, done) for pod in share.pods}
    kept = [*share.pauses.values(), *(Pause(pod, _started_us(world, name, pod), done) for pod in share.pods)]
    return {pause.pod.uid: found[pause.pod.uid] for pause in kept if _runs(world, name, pause)}
