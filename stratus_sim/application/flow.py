"""How requests fare: what monitoring shows of an epoch."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stratus_sim.manifests.calls import Call


class WorkloadFlow(msgspec.Struct, frozen=True):
    """Requests at one workload: rate in requests per 1,000 s, success in permille, mean latency in microseconds.

    `load_permille` is the offered rate against what its ready pods can carry; 0 ready pods carry nothing. `answer_us`
    is what one of them takes to answer a question that asks for no work, as a probe does: its turn, and its CPU.
    """

    rate: int
    success_permille: int
    latency_us: int
    load_permille: int
    pods: int
    answer_us: int = 0


class CallFlow(msgspec.Struct, frozen=True):
    """One call as its caller sees it; `error` is what the caller's log would say, empty when all succeed.

    A call that is not made (`rate` 0) shows how it would fare.
    """

    call: Call
    rate: int
    success_permille: int
    latency_us: int
    error: str


class EntryFlow(msgspec.Struct, frozen=True):
    """Requests of users at one entry Service."""

    service: str
    rate: int
    success_permille: int
    latency_us: int
    error: str


Crew = frozenset[int]
"""The pods of a lane, by uid: those of a workload that work alike."""


class Flows(msgspec.Struct, frozen=True):
    """All flows of an epoch, `workloads` keyed by `namespace/name` in order of name; `lanes` of those that have
    several."""

    workloads: Mapping[str, WorkloadFlow]
    calls: tuple[CallFlow, ...]
    entries: tuple[EntryFlow, ...]
    lanes: Mapping[str, tuple[tuple[Crew, WorkloadFlow], ...]] = {}

    def of(self, workload: str, uid: int) -> WorkloadFlow:
        """The flow of the lane of a pod, of all its workload's where nothing tells them apart."""
        lanes = self.lanes.get(workload, ())
        return next((flow for crew, flow in lanes if uid in crew), self.workloads[workload])

    def slowest_us(self, workload: str) -> int:
        """What requests take in the mean at the pods where they take longest."""
        return max([flow.latency_us for _, flow in self.lanes.get(workload, ((None, self.workloads[workload]),))])


Past = tuple[tuple[int, Flows], ...]
"""Flows, behind the time (microseconds) since which they hold."""
