"""One lane's work: a sum of what a pod would have done that was always there, and marks and notes on who came and went.

A pod came in at the first mark after it became ready. Only what serves again without having been started anew, and who
comes from another lane, needs notes of its own. A network outlives the containers of its pod: of it, sums by pod are
kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.application.wire import Wire
from stratus_sim.application.work import Carried, Pause, Share, Work, stopped
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import ContainerStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 32
"""So many marks, and spans of the network, are kept apart before they are summed up."""
_AT = attrgetter("at_us")


class Team(NamedTuple):
    """Pods of a lane, and what they share from now on."""

    pods: tuple[Resource, ...]
    flow: WorkloadFlow
    wire: Wire
    left_permille: int


def first(team: Team, now_us: int) -> Share:
    """The share of pods that have done nothing yet."""
    none = Work(now_us)
    return Share(*team, none, (none,), ((none, team.pods),), full_us=full_since_us(team, None, now_us))


def shared_anew(world: World, name: str, share: Share, team: Team) -> Share:
    """The share once other pods serve in the lane."""
    pods = team.pods
    done, marks, spans, carried = share.done(world.now_us), share.marks, share.spans, share.carried
    if len(marks) > _MANY + 2 * len(pods):
        marks = _needed(marks, pods)
    if len(spans) > _MANY:
        spans, carried = (), there_still(world, carried_by(share, done))
    pauses, full_us = _pauses(world, name, share, pods, done), full_since_us(team, share.full_us, world.now_us)
    return Share(*team, done, (*marks, done), (*spans, (done, pods)), pauses, carried, full_us)


def going_on(share: Share, team: Team, now_us: int) -> Share:
    """The share once the same pods do more or less, as they do where their nodes leave them more or less, too."""
    if share.flow == team.flow and share.wire == team.wire:
        return share
    before = share.marks, share.spans, share.pauses, share.carried
    return Share(*team, share.done(now_us), *before, full_since_us(team, share.full_us, now_us))


def full_since_us(team: Team, known_us: int | None, now_us: int) -> int | None:
    """Since when pods have been stopped by their limit, if they are and where that is `known_us` before."""
    if not stopped(team.flow, team.left_permille):
        return None
    return now_us if known_us is None else known_us


def _needed(marks: tuple[Work, ...], pods: Iterable[Resource]) -> tuple[Work, ...]:
    """The marks at which one of the pods came in."""
    kept = {_came_in(marks, pod) for pod in pods}
    return tuple([mark for at, mark in enumerate(marks) if at in kept])


def _came_in(marks: tuple[Work, ...], pod: Resource) -> int:
    """The place of the first mark since a pod is ready, the last one where none is."""
    return min(bisect_left(marks, max(pod.status.since_us, pod.status.started_us), key=_AT), len(marks) - 1)


def carried_by(share: Share, done: Work) -> dict[int, Carried]:
    """What the network of pods has carried by the time that one which was always there has `done` that much."""
    sums: dict[int, list[Any]] = {uid: [one.pod, one.received, one.sent] for uid, one in share.carried.items()}
    ends = [*[begun for begun, _ in share.spans[1:]], done]
    for (begun, pods), end in zip(share.spans, ends, strict=True):
        received, sent = end.received - begun.received, end.sent - begun.sent
        for pod in pods:
            if (found := sums.get(pod.uid)) is None:
                sums[pod.uid] = [pod.key, received, sent]
            else:
                found[1] += received
                found[2] += sent
    return {uid: Carried(*found) for uid, found in sums.items()}


def there_still(world: World, carried: Mapping[int, Carried]) -> dict[int, Carried]:
    """Of networks, those whose pod has not been deleted."""
    kept = [(uid, one, world.store.get(one.pod)) for uid, one in carried.items()]
    return {uid: one for uid, one, pod in kept if pod is not None and pod.uid == uid}


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
                pause = Pause(pod, started_us(world, name, pod), own(world, name, share, pod, done))
                found[pod.uid] = replace(pause, back=done) if id(now) in here else pause
    if not found and not share.pauses:
        return found
    serving = {pod.uid for pod in pods}
    before = {
        uid: replace(pause, back=done) if pause.back is None and uid in serving else pause
        for uid, pause in share.pauses.items()
    }
    return {uid: pause for uid, pause in {**before, **found}.items() if runs(world, name, pause)}


def runs(world: World, name: str, pause: Pause) -> bool:
    """Whether that run of the container still goes on."""
    pod = world.store.get(pause.pod.key)
    return pod is not None and pod.uid == pause.pod.uid and started_us(world, name, pod) == pause.started_us


def started_us(world: World, name: str, pod: Resource) -> int:
    """When the container that serves last started; -1 once that has ended."""
    one: ContainerStatus = pod.status
    if pod.status.containers:
        names = [container.name for container in container_status.all_of(pod.spec)]
        serving = world.application.workloads[name].container
        one = container_status.of(pod, names.index(serving)) if serving in names else one
    return one.started_us if one.state == "running" else -1


def own(world: World, name: str, share: Share, pod: Resource, done: Work) -> Work:
    """What a pod that serves has done in this run of its container, when one that was always there has `done` that."""
    pause = share.pauses.get(pod.uid)
    if pause is None or pause.started_us != started_us(world, name, pod):
        return done.since(share.marks[_came_in(share.marks, pod)])
    return pause.done if pause.back is None else done.since(pause.back).after(pause.done)
