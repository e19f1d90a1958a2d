"""One epoch of an island, from what the last one left behind to what it leaves.

Retries follow failures of the epoch before, as do calls that are not made because one before them fails: so an epoch
needs no fixed point. A try is judged when it arrives, by the queue it finds; whoever gives up leaves the request in
that queue, where it is worked on all the same.
"""

from __future__ import annotations

from functools import lru_cache

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics.backward import Backward
from stratus_sim.application.dynamics.durations import class_us
from stratus_sim.application.dynamics.forward import Forward, Scene
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.dynamics.shown import Shown, errs, lags
from stratus_sim.application.dynamics.state import LinkFlow, Motion, Outcome, Sparse, Tally
from stratus_sim.application.errors import RESET, UPSTREAM
from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.kernel import SECOND_US

_Counts = tuple[int, ...]
_HARDLY = WHOLE // 1000
"""A difference (ppm) that makes none."""


@lru_cache(maxsize=8192)
def work_out(scene: Scene) -> Outcome:
    """What comes of an epoch; of the same scene always the same."""
    return _Step(scene).outcome()


class _Step:
    """An epoch, and what is read off it."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._shape = scene, scene.shape
        self._manners = dict(scene.conduct.manners)
        self._forward = Forward(scene)
        self._backward = Backward(scene, self._forward)

    def outcome(self) -> Outcome:
        shown = Shown(self._scene, self._forward, self._backward)
        workloads, links = shown.workloads(), shown.links()
        watched: list[tuple[int, WorkloadFlow | LinkFlow]] = [*enumerate(workloads)]
        watched += [(len(workloads) + link, links[link]) for link in self._shape.entries]
        return Outcome(
            self._motion(), self._tally(), self._met(), workloads, links,
            erring=tuple([place for place, flow in watched if errs(flow)]),
            slow=tuple([place for place, flow in watched if lags(flow)]),
            late=tuple([number for number, flow in enumerate(workloads) if flow.answer_us > SECOND_US]),
        )  # fmt: skip

    def _motion(self) -> Motion:
        """What traffic remembers of the epoch, breakers aside."""
        ground, backward = self._scene.ground, self._backward
        queues = tuple([(o, turn.queue) for o, turn in enumerate(self._forward.turns) if turn.queue])
        waiting = sorted({self._shape.operations[o].workload for o, _ in queues})
        return Motion(
            queues=queues,
            demand=self._demand(),
            busy_us=tuple([(o, backward.busy_us[o]) for o in ground.slotted]),
            passing=self._passing(),
            failing=self._failing(),
            pods=tuple([(n, ground.sites[n].pods) for n in waiting]),
        )

    def _demand(self) -> Sparse:
        queued = dict(self._scene.motion.queues)
        return tuple([(o, queued.get(o, 0) + self._forward.arrived[o]) for o in self._shape.sharing])

    def _passing(self) -> tuple[tuple[tuple[int, int], int], ...]:
        if not self._backward.passing:
            return ()
        before, found = dict(self._scene.motion.passing), sorted(self._backward.passing.items())
        shares = [(at, _settled(before.get(at, WHOLE), passing)) for at, passing in found]
        return tuple([(at, share) for at, share in shares if share < WHOLE])

    def _failing(self) -> Sparse:
        found = [(link, self._backward.links[link]) for link in self._shape.retried]
        return tuple([(n, WHOLE - WHOLE * c.succeeded // c.tried) for n, c in found if c.succeeded < c.tried])

    def _met(self) -> tuple[tuple[int, int, int], ...]:
        found = [(link, self._backward.links[link]) for link in self._shape.broken]
        return tuple([(link, count.tried, count.tried - count.succeeded) for link, count in found])

    def _tally(self) -> Tally:
        errors: dict[tuple[int, str], int] = {}
        counts = [self._worked(number, siblings, errors) for number, siblings in enumerate(self._shape.siblings)]
        for place, found in enumerate(self._backward.links, len(counts)):
            counts.append((found.tried + found.held, found.succeeded, found.latency))
            if found.errors:
                errors |= {(place, text): count for text, count in found.errors.items()}
        durations = [((place, class_us(of[-1] // of[0])), of[0]) for place, of in enumerate(counts) if of[0]]
        return Tally(tuple(counts), tuple(errors.items()), tuple(durations))

    def _worked(self, workload: int, siblings: tuple[int, ...], errors: dict[tuple[int, str], int]) -> _Counts:
        """What a workload did with its requests, whether or not somebody still waited for them."""
        backward, wait_us = self._backward, self._backward.queues[workload].wait_us
        arrived = served = good = shed = lost = latency = 0
        for operation in siblings:
            turn, came = self._forward.turns[operation], self._forward.arrived[operation]
            arrived, served, shed, lost = arrived + came, served + turn.served, shed + turn.shed, lost + turn.lost
            good += turn.served * backward.success[operation] // WHOLE
            latency += came * (backward.busy_us[operation] + wait_us)
        if lost:
            errors[workload, RESET] = lost
        return arrived, self._answered(workload, served, good, errors), shed, latency

    def _answered(self, workload: int, served: int, good: int, errors: dict[tuple[int, str], int]) -> int:
        """Count what fails of the requests worked on; return how many are answered."""
        manner = self._manners.get(workload, PLAIN)
        let_in = served * manner.success // WHOLE
        good = good * manner.success // WHOLE
        for text, count in ((manner.complaint or UPSTREAM, served - let_in), (UPSTREAM, let_in - good)):
            if count:
                errors[workload, text] = errors.get((workload, text), 0) + count
        return good


def _settled(before: int, now: int) -> int:
    """The share of calls that pass as the next epoch takes it: half way to what it is now where some passed before and
    some do now, for fewer calls let more of them pass, and what swings about its rest has to come to it.

    >>> _settled(1_000_000, 300_000), _settled(300_000, 500_000), _settled(300_000, 0), _settled(300_000, 300_999)
    (300000, 400000, 0, 300000)
    """
    if abs(now - before) <= _HARDLY:
        return before
    return (before + now) // 2 if 0 < before < WHOLE and 0 < now < WHOLE else now
