"""How much CPU each container has used since it started, and what each pod's network has carried since it came: summed
whenever a workload's load, or who shares it, changes.

The pods of a workload that serve are all as busy as its load says. So one sum a workload is kept, of what a pod would
have done that was always there, and a mark in it wherever other pods serve from then on: a pod came in at the first
mark after it became ready. Only what serves again without having been started anew needs notes of its own. A network
outlives the containers of its pod: of it, sums by pod are kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import compress
from operator import attrgetter, is_not
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.application.wire import Wire, carries, weighed
from stratus_sim.application.work import Carried, Pause, Share, Work
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import ContainerStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_MANY = 32
"""So many marks, and spans of the network, are kept apart before they are summed up."""
_AT = attrgetter("at_us")


def since_begun(world: World, changed_flows: Iterable[str]) -> Mapping[str, Share]:
    """The shares from now on, by workload (`namespace/name`), when no others have other flows than before; those of
    whom nothing has changed stay as they are."""
    traffic, now_us = world.traffic, world.now_us
    if traffic.begun is None or traffic.routes is None:
        return traffic.shares
    flows, known, serving, weights = traffic.begun, traffic.shares, traffic.routes.serving, weighed(world.application)
    changed: dict[str, Share] = {}
    served, traffic.served = traffic.served, serving
    altered = compress(serving, map(is_not, serving.values(), served.values())) if served else serving
    for name in sorted({*changed_flows, *altered}):
        flow = flows.workloads[name]
        share, pods, weight = known.get(name), serving[name].pods, weights[name]
        if share is not None and share.pods is pods and share.flow == flow and not weight.calls:
            continue
        wire = carries(world.application, flows, flow, weight)
        if share is None:
            changed[name] = _first(flow, wire, pods, Work(now_us))
        elif share.pods is not pods:
            changed[name] = _shared_anew(world, name, share, flow, wire, pods)
        elif share.flow != flow or share.wire != wire:
            done, full_us = share.done(now_us), _full_us(share.full_us, flow, now_us)
            before = share.marks, share.spans, share.pauses, share.carried
            changed[name] = Share(pods, flow, wire, done, *before, full_us)
    return {**known, **changed} if changed else known


def _first(flow: WorkloadFlow, wire: Wire, pods: tuple[Resource, ...], none: Work) -> Share:
    full_us = _full_us(None, flow, none.at_us)
    return Share(pods, flow, wire, none, (none,), ((none, pods),), full_us=full_us)


def _shared_anew(
    world: World, name: str, share: Share, flow: WorkloadFlow, wire: Wire, pods: tuple[Resource, ...]
) -> Share:
    done, marks, spans, carried = share.done(world.now_us), share.marks, share.spans, share.carried
    if len(marks) > _MANY + 2 * len(pods):
        marks = _needed(marks, pods)
    if len(spans) > _MANY:
        spans, carried = (), _there_still(world, _carried(share, done))
    pauses, full_us = _pauses(world, name, share, pods, done), _full_us(share.full_us, flow, world.now_us)
    return Share(pods, flow, wire, done, (*marks, done), (*spans, (done, pods)), pauses, carried, full_us)


def _full_us(known_us: int | None, flow: WorkloadFlow, now_us: int) -> int | None:
    if flow.load_permille <= 1000:
        return None
    return now_us if known_us is None else known_us


def _needed(marks: tuple[Work, ...], pods: Iterable[Resource]) -> tuple[Work, ...]:
    """The marks at which one of the pods came in."""
    kept = {_came_in(marks, pod) for pod in pods}
    return tuple([mark for at, mark in enumerate(marks) if at in kept])


def _came_in(marks: tuple[Work, ...], pod: Resource) -> int:
    """The place of the first mark since a pod is ready, the last one where none is."""
    return min(bisect_left(marks, max(pod.status.since_us, pod.status.started_us), key=_AT), len(marks) - 1)


def _carried(share: Share, done: Work) -> dict[int, Carried]:
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


def _there_still(world: World, carried: Mapping[int, Carried]) -> dict[int, Carried]:
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


def carried(world: World, name: str) -> dict[int, Carried]:
    """What the network of a workload's pods (`namespace/name`) has carried since they came, by uid; those whose has
    carried nothing may be missing. A pure reading."""
    share = world.traffic.shares.get(name)
    return {} if share is None else _carried(share, share.done(world.now_us))


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
