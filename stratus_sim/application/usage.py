"""How much CPU each container has used since it started, and what each pod's network has carried since it came: summed
whenever the load of pods, or who shares it, changes.

The pods of a lane are all as busy as its load says, so one sum a lane is kept (see `shares`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from operator import is_, is_not
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stratus_sim.application import shares
from stratus_sim.application.flow import Flows, WorkloadFlow
from stratus_sim.application.shares import Team, going_on, own, runs, started_us
from stratus_sim.application.wire import Weight, carries, weighed
from stratus_sim.application.work import Carried, Pause, Share, Work
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


def since_begun(world: World, changed_flows: Iterable[str]) -> Mapping[str, tuple[Share, ...]]:
    """The shares from now on of the lanes of each workload (`namespace/name`), when no others have other flows than
    before; those of whom nothing has changed stay as they are."""
    traffic = world.traffic
    if traffic.begun is None or traffic.routes is None:
        return traffic.shares
    flows, known, serving, weights = traffic.begun, traffic.shares, traffic.routes.serving, weighed(world.application)
    changed: dict[str, tuple[Share, ...]] = {}
    served, traffic.served = traffic.served, serving
    altered = compress(serving, map(is_not, serving.values(), served.values())) if served else serving
    for name in sorted({*changed_flows, *altered}):
        before, pods, weight = known.get(name, ()), serving[name].pods, weights[name]
        if name in flows.lanes or len(before) > 1:
            found = _apart(world, name, before, _teams(world, flows, name, pods, weight))
        elif _idle(before, pods, flows.workloads[name], weight):
            continue
        else:
            flow = flows.workloads[name]
            found = (_together(world, name, before, _team(world, flows, pods, flow, flow.pods, weight)),)
        if len(found) != len(before) or any(map(is_not, found, before)):
            changed[name] = found
    return {**known, **changed} if changed else known


def _idle(before: Sequence[Share], pods: tuple[Resource, ...], flow: WorkloadFlow, weight: Weight) -> bool:
    return bool(before) and before[0].pods is pods and before[0].flow == flow and not weight.calls


def _together(world: World, name: str, before: Sequence[Share], team: Team) -> Share:
    """The share of the one lane there was, or is the first."""
    if not before:
        return shares.first(team, world.now_us)
    (share,) = before
    if share.pods is not team.pods:
        return shares.shared_anew(world, name, share, team)
    return going_on(share, team, world.now_us)


def _teams(world: World, flows: Flows, name: str, pods: tuple[Resource, ...], weight: Weight) -> list[Team]:
    whole = flows.workloads[name]
    crews = flows.lanes.get(name) or ((frozenset([pod.uid for pod in pods]), whole),)
    parts = [(tuple([pod for pod in pods if pod.uid in crew]), flow) for crew, flow in crews]
    return [_team(world, flows, of, flow, whole.pods, weight) for of, flow in parts]


def _team(
    world: World, flows: Flows, pods: tuple[Resource, ...], flow: WorkloadFlow, whole: int, weight: Weight
) -> Team:
    """Pods of a lane of a workload that has so many as a `whole`; its nodes are all as busy with others."""
    strain = world.traffic.routes.nodes.get(pods[0].status.node) if pods and world.traffic.routes else None
    left_permille = 1000 - strain.stolen_permille if strain is not None else 1000
    return Team(pods, flow, carries(world.application, flows, flow, whole, weight), left_permille)


def _apart(world: World, name: str, before: tuple[Share, ...], teams: list[Team]) -> tuple[Share, ...]:
    """The shares of several lanes, or of one after several."""
    if len(before) == len(teams) and all(map(_same, before, teams)):
        return tuple([going_on(share, team, world.now_us) for share, team in zip(before, teams, strict=True)])
    full_us = {pod.uid: share.full_us for share in before for pod in share.pods if share.full_us is not None}
    notes, none = _notes(world, name, before), Work(world.now_us)
    found = []
    for team in teams:
        back = {pod.uid: replace(notes.pop(pod.uid), back=none) for pod in team.pods if pod.uid in notes}
        since_us = min([full_us[pod.uid] for pod in team.pods if pod.uid in full_us], default=None)
        lane = replace(shares.first(team, world.now_us), pauses=back)
        found.append(shares.full_since(lane, since_us, world.now_us))
    networks = shares.there_still(world, carried(world, name))
    found[0] = replace(found[0], pauses={**found[0].pauses, **notes}, carried=networks)
    return tuple(found)


def _same(share: Share, team: Team) -> bool:
    return len(share.pods) == len(team.pods) and all(map(is_, share.pods, team.pods))


def _notes(world: World, name: str, before: Sequence[Share]) -> dict[int, Pause]:
    """By uid what each pod has done that runs on: it goes on from there in whatever lane."""
    notes: dict[int, Pause] = {}
    for share in before:
        done = share.done(world.now_us)
        notes |= {uid: pause for uid, pause in share.pauses.items() if pause.back is None}
        for pod in share.pods:
            notes[pod.uid] = Pause(pod, started_us(world, name, pod), own(world, name, share, pod, done))
    return {uid: note for uid, note in notes.items() if runs(world, name, note)}


def carried(world: World, name: str) -> dict[int, Carried]:
    """What the network of a workload's pods (`namespace/name`) has carried since they came, by uid; those whose has
    carried nothing may be missing. A pure reading."""
    found: dict[int, Carried] = {}
    for share in world.traffic.shares.get(name, ()):
        for uid, more in shares.carried_by(share, share.done(world.now_us)).items():
            known = found.get(uid, Carried(more.pod))
            found[uid] = Carried(more.pod, known.received + more.received, known.sent + more.sent)
    return found


def worked(world: World, name: str) -> dict[int, Work]:
    """What the containers that serve a workload (`namespace/name`) have done since they last started, by uid of their
    pod; those that have done nothing may be missing. A pure reading."""
    found: dict[int, Work] = {}
    for share in world.traffic.shares.get(name, ()):
        done = share.done(world.now_us)
        sums = {uid: pause.done for uid, pause in share.pauses.items()}
        sums |= {pod.uid: own(world, name, share, pod, done) for pod in share.pods}
        kept = [*share.pauses.values(), *(Pause(pod, started_us(world, name, pod), done) for pod in share.pods)]
        found |= {pause.pod.uid: sums[pause.pod.uid] for pause in kept if runs(world, name, pause)}
    return found


def full_since_us(world: World, name: str, pod: Resource) -> int | None:
    """Since when a pod of a workload (`namespace/name`) has had more to do than its limit allows; None while it has
    not."""
    lanes = world.traffic.shares.get(name, ())
    return next((share.full_us for share in lanes if any(one.uid == pod.uid for one in share.pods)), None)
