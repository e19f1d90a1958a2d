"""What monitoring shows of an epoch in motion, in the shape of the flows of one at rest."""

from __future__ import annotations

from typing import Any

from immutables import Map

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics.backward import LinkSum
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.dynamics.step import Step
from stratus_sim.application.errors import REFUSAL_US
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow
from stratus_sim.manifests.application import Application

_UNKNOWN = (WHOLE, 0, "")
"""How a link nobody has looked at would fare."""


def flows_of(
    application: Application, step: Step, memory: Map[str, Any], *, restless: bool = False, again_us: int = 0
) -> Flows:
    """The flows of an epoch: of workloads and calls as they were met, of users by what became of each request."""
    plan = step.scene.plan
    return Flows(
        workloads={name: _workload(step, number) for number, name in enumerate(plan.workloads)},
        calls=tuple([CallFlow(c, *_tries(step, n)) for c, n in zip(application.calls, plan.calls, strict=True)]),
        entries=tuple([_entry(step, number) for number, link in enumerate(plan.links) if not link.call]),
        memory=memory,
        restless=restless,
        again_us=again_us,
    )


def _workload(step: Step, workload: int) -> WorkloadFlow:
    scene, forward = step.scene, step.forward
    siblings, queue = scene.plan.siblings[workload], step.backward.queues[workload]
    pods, answer = scene.ground.sites[workload].pods, scene.answers.get(workload, PLAIN)
    arrived, success, busy_us = _mean(step, siblings)
    turned_away = sum([forward.turns[operation].shed for operation in siblings])
    if turned_away:
        success = success * (arrived - turned_away) // arrived
    permille = _permille(round(success * answer.success))
    if not pods:
        return WorkloadFlow(arrived, 0, REFUSAL_US, queue.load_permille, 0)
    return WorkloadFlow(arrived, permille, busy_us + queue.wait_us, queue.load_permille, pods)


def _entry(step: Step, link: int) -> EntryFlow:
    plan = step.scene.plan
    asking = [
        n for n, operation in enumerate(plan.operations) if operation.workload < 0 and operation.edges[0].link == link
    ]
    arrived, success, busy_us = _mean(step, tuple(asking))
    error = _worst(step.backward.links[link]) or step.backward.idle.get(link, _UNKNOWN)[2]
    return EntryFlow(plan.links[link].service, arrived, _permille(success), busy_us, error)


def _mean(step: Step, operations: tuple[int, ...]) -> tuple[int, int, int]:
    """What came to these operations, the share of it (ppm) whose calls succeed, and the time it takes."""
    success, busy_us, came = step.backward.success, step.backward.busy_us, step.forward.arrived
    if len(operations) == 1:
        (only,) = operations
        return came[only], success[only], busy_us[only]
    arrived = sum([came[o] for o in operations])
    weights = [came[o] if arrived else 1 for o in operations]
    total = sum(weights)
    good = sum([weight * success[o] for weight, o in zip(weights, operations, strict=True)])
    busy = sum([weight * busy_us[o] for weight, o in zip(weights, operations, strict=True)])
    return arrived, good // total, busy // total


def _tries(step: Step, link: int) -> tuple[int, int, int, str]:
    """Rate, success in permille, mean latency and foremost error of what a client tries."""
    count = step.backward.links[link]
    tried = count.tried + count.held
    if not tried:
        success, latency_us, error = step.backward.idle.get(link, _UNKNOWN)
        return 0, _permille(success), latency_us, error
    success = WHOLE * count.succeeded // tried
    return tried, _permille(success), count.latency // tried, _worst(count)


def _worst(count: LinkSum) -> str:
    if not count.errors:
        return ""
    return max(sorted(count.errors), key=lambda text: count.errors[text], default="")


def _permille(share: int) -> int:
    return (share * 1000 + WHOLE // 2) // WHOLE
