"""What is kept of the work of pods: sums for one that was always there, and notes on who came and went (`usage`)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.application.wire import Wire
from stratus_sim.cluster.objects import ObjectKey, Resource


class Work(msgspec.Struct, frozen=True, gc=False):
    """What a pod has done by `at_us`: `busy` millionths of the CPU it may use times microseconds, and `full`
    microseconds in which there was more to do than that allows; `received` and `sent` are billionths of a byte."""

    at_us: int
    busy: int = 0
    full: int = 0
    received: int = 0
    sent: int = 0

    def since(self, before: Work) -> Work:
        """What was done between the two."""
        received, sent = self.received - before.received, self.sent - before.sent
        return Work(self.at_us, self.busy - before.busy, self.full - before.full, received, sent)

    def after(self, before: Work) -> Work:
        """What was done on top of what had been done before."""
        received, sent = self.received + before.received, self.sent + before.sent
        return Work(self.at_us, self.busy + before.busy, self.full + before.full, received, sent)


def stopped(flow: WorkloadFlow, left_permille: int) -> bool:
    """Whether a limit stops pods of this flow all the time: not where their nodes do not leave them that much."""
    return flow.load_permille > 1000 and left_permille == 1000


class Pause(msgspec.Struct, frozen=True):
    """A run of a container, told by its start, that stopped serving after it had `done` something; where it serves
    again, what one that was always there had done when that began."""

    pod: Resource
    started_us: int
    done: Work
    back: Work | None = None


class Carried(msgspec.Struct, frozen=True, gc=False):
    """What a pod's network has carried, in billionths of a byte."""

    pod: ObjectKey
    received: int = 0
    sent: int = 0


class Share(msgspec.Struct, frozen=True):
    """The work of one lane of a workload: since a pod that was always there had done `work`, the `pods` share what
    `flow` and `wire` say; of the CPU they may use their nodes leave them `left_permille`.

    `marks` are what such a pod had done whenever others began to serve, `pauses` by uid of containers that run still.
    `spans` are who served since such marks, `carried` what networks had carried before these, by uid of the pod.
    `full_us` is since when it has been stopped by its limit all the time, None where it is not.
    """

    pods: tuple[Resource, ...]
    flow: WorkloadFlow
    wire: Wire
    left_permille: int
    work: Work
    marks: tuple[Work, ...]
    spans: tuple[tuple[Work, tuple[Resource, ...]], ...]
    pauses: Mapping[int, Pause] = {}
    carried: Mapping[int, Carried] = {}
    full_us: int | None = None

    def done(self, now_us: int) -> Work:
        """What a pod has done by now that was always there."""
        before, elapsed_us = self.work, now_us - self.work.at_us
        busy = before.busy + min(1000, self.flow.load_permille) * self.left_permille * elapsed_us
        full = before.full + (elapsed_us if stopped(self.flow, self.left_permille) else 0)
        received, sent = before.received + self.wire[0] * elapsed_us, before.sent + self.wire[1] * elapsed_us
        return Work(now_us, busy, full, received, sent)
