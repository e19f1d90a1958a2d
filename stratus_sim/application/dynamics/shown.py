"""What monitoring shows of an epoch of an island."""

from __future__ import annotations

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics.backward import Backward, LinkSum
from stratus_sim.application.dynamics.forward import Forward, Scene
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.errors import REFUSAL_US
from stratus_sim.application.flow import CallFlow, EntryFlow, WorkloadFlow
from stratus_sim.kernel import SECOND_US

ERROR_PERMILLE = 100
SLOW_US = 3 * SECOND_US
"""More errors than this, or longer answers, are worth an alert."""


class Shown:
    """Flows: of workloads and calls as they were met, of users by what became of each request."""

    def __init__(self, scene: Scene, forward: Forward, backward: Backward) -> None:
        self._scene, self._forward, self._backward = scene, forward, backward
        self._plan, self._manners = scene.island.plan, dict(scene.manners)

    def workloads(self) -> dict[str, WorkloadFlow]:
        """Flows by name."""
        return {self._plan.workloads[number]: self._workload(number) for number in self._scene.island.workloads}

    def calls(self) -> tuple[tuple[int, CallFlow], ...]:
        """Flows by place of the call among the application's."""
        links = [(place, link, self._plan.links[link].call) for place, link in self._scene.island.calls]
        return tuple([(place, CallFlow(call, *self._tries(link))) for place, link, call in links if call is not None])

    def entries(self) -> tuple[tuple[int, EntryFlow], ...]:
        """Flows by link of the users."""
        return tuple([(link, self._entry(link)) for link in self._scene.island.entries])

    def _workload(self, workload: int) -> WorkloadFlow:
        siblings, queue = self._plan.siblings[workload], self._backward.queues[workload]
        pods, manner = self._scene.ground.sites[workload].pods, self._manners.get(workload, PLAIN)
        arrived, success, busy_us = self._mean(siblings)
        if not pods:
            return WorkloadFlow(arrived, 0, REFUSAL_US, queue.load_permille, 0)
        turned_away = sum([self._forward.turns[operation].shed for operation in siblings])
        if turned_away:
            success = success * (arrived - turned_away) // arrived
        permille = _permille(success * manner.success // WHOLE)
        answer_us = queue.own_us - manner.latency_us + queue.wait_us
        if turned_away and not self._scene.ground.sites[workload].bound:
            answer_us += SECOND_US  # where nobody may wait, one in a hurry comes again until there is room
        return WorkloadFlow(arrived, permille, busy_us + queue.wait_us, queue.load_permille, pods, answer_us)

    def _entry(self, link: int) -> EntryFlow:
        operations = self._plan.operations
        asking = [o for o in self._scene.island.asking if operations[o].edges[0].link == link]
        arrived, success, busy_us = self._mean(tuple(asking))
        error = _worst(self._backward.links[link]) or self._backward.idle.get(link, _UNKNOWN)[2]
        return EntryFlow(self._plan.links[link].service, arrived, _permille(success), busy_us, error)

    def _mean(self, operations: tuple[int, ...]) -> tuple[int, int, int]:
        """What came to these operations, the share of it (ppm) whose calls succeed, and the time it takes."""
        success, busy_us, came = self._backward.success, self._backward.busy_us, self._forward.arrived
        if len(operations) == 1:
            (only,) = operations
            return came[only], success[only], busy_us[only]
        arrived = sum([came[o] for o in operations])
        weights = [came[o] if arrived else 1 for o in operations]
        total = sum(weights)
        good = sum([weight * success[o] for weight, o in zip(weights, operations, strict=True)])
        busy = sum([weight * busy_us[o] for weight, o in zip(weights, operations, strict=True)])
        return arrived, good // total, busy // total

    def _tries(self, link: int) -> tuple[int, int, int, str]:
        """Rate, success in permille, mean latency and foremost error of what a client tries."""
        count = self._backward.links[link]
        tried = count.tried + count.held
        if not tried:
            success, latency_us, error = self._backward.idle.get(link, _UNKNOWN)
            return 0, _permille(success), latency_us, error
        return tried, _permille(WHOLE * count.succeeded // tried), count.latency // tried, _worst(count)


_UNKNOWN = (WHOLE, 0, "")
"""How a link nobody has looked at would fare."""


def errs(flow: WorkloadFlow | EntryFlow) -> bool:
    """Whether more requests fail than monitoring lets pass."""
    return flow.success_permille < 1000 - ERROR_PERMILLE and flow.rate > 0


def lags(flow: WorkloadFlow | EntryFlow) -> bool:
    """Whether requests take longer than monitoring lets pass."""
    return flow.latency_us > SLOW_US and flow.rate > 0


def _worst(count: LinkSum) -> str:
    if not count.errors:
        return ""
    return max(sorted(count.errors), key=lambda text: count.errors[text], default="")


def _permille(share: int) -> int:
    return (share * 1000 + WHOLE // 2) // WHOLE
