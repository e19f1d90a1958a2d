"""What monitoring shows of an epoch of an island."""

from __future__ import annotations

from collections.abc import Sequence

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics.backward import Backward, LinkSum
from stratus_sim.application.dynamics.forward import Forward, Scene
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.dynamics.state import LinkFlow
from stratus_sim.application.errors import REFUSAL_US
from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.kernel import SECOND_US

ERROR_PERMILLE = 100
SLOW_US = 3 * SECOND_US
"""More errors than this, or longer answers, are worth an alert."""


class Shown:
    """Flows: of workloads and calls as they were met, of users by what became of each request.

    `lanes` are those of workloads, by number, that have several.
    """

    def __init__(self, scene: Scene, forward: Forward, backward: Backward) -> None:
        self._ground, self._forward, self._backward = scene.ground, forward, backward
        self._shape, self._manners = scene.ground.wide.shape, forward.manners
        self._sites = scene.ground.sites
        self.lanes: dict[int, tuple[WorkloadFlow, ...]] = {}

    def workloads(self) -> tuple[WorkloadFlow, ...]:
        """Flows by workload."""
        return tuple([self._workload(*of) for of in enumerate(self._ground.wide.workloads)])

    def links(self) -> tuple[LinkFlow, ...]:
        """Flows by link."""
        entries = self._shape.entries
        return tuple([self._entry(n) if n in entries else self._tries(n) for n in range(len(self._shape.policies))])

    def _workload(self, number: int, lanes: tuple[int, ...]) -> WorkloadFlow:
        if len(lanes) == 1:
            return self._lane(lanes[0])
        self.lanes[number] = flows = tuple(map(self._lane, lanes))
        return _together(flows, [self._sites[lane].capacity for lane in lanes])

    def _lane(self, workload: int) -> WorkloadFlow:
        siblings, queue = self._shape.siblings[workload], self._backward.queues[workload]
        pods, manner = self._sites[workload].pods, self._manners.get(workload, PLAIN)
        arrived, success, busy_us = self._mean(siblings)
        if not pods:
            return WorkloadFlow(arrived, 0, REFUSAL_US, queue.load_permille, 0)
        turned_away = sum([self._forward.turns[operation].shed for operation in siblings])
        if turned_away:
            success = success * (arrived - turned_away) // arrived
        permille = _permille(success * manner.success // WHOLE)
        answer_us = queue.own_us - manner.latency_us + queue.wait_us
        if turned_away and not self._sites[workload].bound:
            answer_us += SECOND_US  # where nobody may wait, one in a hurry comes again until there is room
        return WorkloadFlow(arrived, permille, busy_us + queue.wait_us, queue.load_permille, pods, answer_us)

    def _entry(self, link: int) -> LinkFlow:
        shape = self._shape
        arrived, success, busy_us = self._mean(
            tuple([o for o in shape.asking if shape.operations[o].edges[0].link == link])
        )
        error = _worst(self._backward.links[link]) or self._backward.idle.get(link, _UNKNOWN)[2]
        return LinkFlow(arrived, _permille(success), busy_us, error)

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

    def _tries(self, link: int) -> LinkFlow:
        count = self._backward.links[link]
        tried = count.tried + count.held
        if not tried:
            success, latency_us, error = self._backward.idle.get(link, _UNKNOWN)
            return LinkFlow(0, _permille(success), latency_us, error)
        return LinkFlow(tried, _permille(WHOLE * count.succeeded // tried), count.latency // tried, _worst(count))


def _together(lanes: Sequence[WorkloadFlow], capacities: Sequence[int]) -> WorkloadFlow:
    """What the pods of all lanes show together, each of which gets as many requests; a question put to the slowest is
    answered last."""
    pods = [flow.pods for flow in lanes]

    def mean(figures: list[int], weights: Sequence[int]) -> int:
        return sum(map(int.__mul__, figures, weights)) // max(1, sum(weights))

    return WorkloadFlow(
        sum([flow.rate for flow in lanes]),
        mean([flow.success_permille for flow in lanes], pods),
        mean([flow.latency_us for flow in lanes], pods),
        mean([flow.load_permille for flow in lanes], capacities),
        sum(pods),
        max([flow.answer_us for flow in lanes]),
    )


_UNKNOWN = (WHOLE, 0, "")
"""How a link nobody has looked at would fare."""


def errs(flow: WorkloadFlow | LinkFlow) -> bool:
    """Whether more requests fail than monitoring lets pass."""
    return flow.success_permille < 1000 - ERROR_PERMILLE and flow.rate > 0


def lags(flow: WorkloadFlow | LinkFlow) -> bool:
    """Whether requests take longer than monitoring lets pass."""
    return flow.latency_us > SLOW_US and flow.rate > 0


def _worst(count: LinkSum) -> str:
    if not count.errors:
        return ""
    return max(sorted(count.errors), key=lambda text: count.errors[text], default="")


def _permille(share: int) -> int:
    return (share * 1000 + WHOLE // 2) // WHOLE
