"""The steady state of a world as data: what two worlds have in common when both run as they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from stratus_sim.application import epochs
from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.telemetry.alerts import firing
from stratus_sim.world import World

READY, TERMINATING = "ready", "terminating"


class Steady(NamedTuple):
    """`pods` counts those that have not ended by (workload, condition), the condition being READY, TERMINATING, or why
    they do not serve; `jobs` how each Job ended; `requests` the success in permille and the error of every (caller,
    callee), users being the caller ""; `alerts` the firing ones by (rule, workload or else subject)."""

    pods: Counter[tuple[str, str]]
    jobs: Mapping[str, str]
    requests: Mapping[tuple[str, str], tuple[int, str]]
    alerts: Counter[tuple[str, str]]

    def of(self, condition: str) -> Mapping[str, int]:
        """How many pods each workload has in a condition."""
        return {workload: count for (workload, found), count in self.pods.items() if found == condition}


def steady(world: World) -> Steady:
    """How a world is doing now; pods are known by their workload, because a new one has another name."""
    found = world.store.list("Pod")
    workloads = {pod.key.name: workload_of(world, pod) for pod in found}
    return Steady(
        Counter((workload_of(world, pod), condition(pod)) for pod in found if not pods.ended(pod)),
        {job.key.name: job.status.finished for job in world.store.list("Job")},
        _requests(world),
        Counter((alert.name, workloads.get(alert.subject, alert.subject)) for alert in firing(world)),
    )


def workload_of(world: World, pod: Resource) -> str:
    owner = pods.root_owner(world, pod) or pod.key
    return f"{owner.kind}/{owner.name}"


def condition(pod: Resource) -> str:
    if pod.deleting:
        return TERMINATING
    status = pod.status
    return READY if status.ready else status.message or status.reason or status.phase


def _requests(world: World) -> Mapping[tuple[str, str], tuple[int, str]]:
    flows = epochs.current(world)
    calls = {(c.call.source_key, c.call.target_key): (c.success_permille, c.error) for c in flows.calls}
    return calls | {("", entry.service): (entry.success_permille, entry.error) for entry in flows.entries}
