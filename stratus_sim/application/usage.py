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
from stratus_sim.application.shares import Team, full_since_us, going_on, own, runs, started_us
from stratus_sim.application.wire import Weight, carries, weighed
from stratus_sim.application.work import Carried, Pause, Share, Work
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

Shares = tuple[Share, ...]
"""Of the lanes of a workload."""


def since_begun(world: World, changed_flows: Iterable[str]) -> Mapping[str, Shares]:
    """The shares from now on of the lanes of each workload (`namespace/name`), when no others have other flows than
    before; those of whom nothing has changed stay as they are."""
    traffic = world.traffic
    if traffic.begun is None or traffic.routes is None:
        return traffic.shares
    flows, known, serving, weights = traffic.begun, traffic.shares, traffic.routes.serving, weighed(world.application)
    changed: dict[str, Shares] = {}
    served, traffic.served = traffic.served, serving
    altered = compress(serving, map(is_not, serving.values(), served.values())) if served else serving
    for name in sorted({*changed_flows, *altered}):
        before = known.get(name, ())
        found = _shares(world, flows, name, before, serving[name].pods, weights[name])
        if found is not before:
            changed[name] = found
    return {**known, **changed} if changed else known


def _shares(
    world: World, flows: Flows, name: str, before: Shares, pods: tuple[Resource, ...], weight: Weight
) -> Shares:
    """The shares of a workload from now on; the same as before if nothing has changed."""
    flow = flows.workloads[name]
    if name in flows.lanes or len(before) > 1:
        return _apart(world, name, before, _teams(world, flows, name, pods, weight))
    if not before or before[0].pods is not pods:
        team = _team(world, flows, pods, flow, flow.pods, weight)
        return (shares.shared_anew(world, name, before[0], team) if before else shares.first(team, world.now_us),)
    (share,) = before
    if share.flow == flow and not weight.calls:
        return before
    wire = carries(world.application, flows, flow, flow.pods, weight)
    now = going_on(share, Team(pods, flow, wire, share.left_permille), world.now_us)
    return before if now is share else (now,)


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
    left_permille = strain.left_permille if strain is not None else 1000
    return Team(pods, flow, carries(world.application, flows, flow, whole, weight), left_permille)


def _apart(world: World, name: str, before: Shares, teams: list[Team]) -> Shares:
    """The shares of several lanes, or of one after several."""
    if len(before) == len(teams) and all(map(_same, before, teams)):
        return tuple([going_on(share, team, world.now_us) for share, team in zip(before, teams, strict=True)])
    known_us = {pod.uid: share.full_us for share in before for pod in share.pods if share.full_us is not None}
    notes, none = _notes(world, name, before), Work(world.now_us)
    found = []
    for team in teams:
        back = {pod.uid: replace(notes.pop(pod.uid), back=none) for pod in team.pods if pod.uid in notes}
        since_us = min([known_us[pod.uid] for pod in team.pods if pod.uid in known_us], default=None)
        full_us = full_since_us(team, since_us, world.now_us)
        found.append(replace(shares.first(team, world.now_us), pauses=back, full_us=full_us))
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
        notes |= share.pauses
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
    notes = _notes(world, name, world.traffic.shares.get(name, ()))
    return {uid: note.done for uid, note in notes.items()}


def overrun_since_us(world: World, name: str, pod: Resource) -> int | None:
    """Since when a pod of a workload (`namespace/name`) has had more to do than its limit allows; None while it has
    not."""
    lanes = world.traffic.shares.get(name, ())
    return next((share.full_us for share in lanes if any(one.uid == pod.uid for one in share.pods)), None)
