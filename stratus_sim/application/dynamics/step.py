"""One epoch of an island, from what the last one left behind to what it leaves.

Who fails soon tries again within the epoch, which is worked out until what fails is what was taken for granted; who
waits long does in a later one. Calls that are not made as one before them fails follow the epoch before. A try is
judged when it arrives, by the queue it finds; whoever gives up leaves the request in that queue, where it is worked on
all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from stratus_sim.application.answers import PLAIN, Manner
from stratus_sim.application.dynamics.backward import Backward, LinkSum
from stratus_sim.application.dynamics.durations import class_us
from stratus_sim.application.dynamics.forward import Forward, Scene
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.dynamics.retries import NEVER, Due, Failing, gone_by, put_off
from stratus_sim.application.dynamics.shown import Shown, errs, lags
from stratus_sim.application.dynamics.state import LinkFlow, Motion, Outcome, Sparse, Tally
from stratus_sim.application.errors import RESET, UPSTREAM
from stratus_sim.application.flow import WorkloadFlow
from stratus_sim.kernel import SECOND_US

_Counts = tuple[int, ...]
_HARDLY = WHOLE // 1000
"""A difference (ppm) that makes none."""
_ROUNDS = 8
"""So often an epoch is worked out at most; what has not come to rest by then does in the epochs to come."""


@lru_cache(maxsize=8192)
def work_out(scene: Scene) -> Outcome:
    """What comes of an epoch; of the same scene always the same."""
    step = _Step(scene)
    for _ in range(_ROUNDS - 1 if scene.ground.wide.shape.retried else 0):
        failing = step.failing()
        if _hardly_differ(dict(scene.motion.failing), dict(failing)):
            break
        scene = scene._replace(motion=scene.motion._replace(failing=failing))
        step = _Step(scene)
    return step.outcome()


class _Step:
    """An epoch, and what is read off it."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._shape = scene, scene.ground.wide.shape
        self._forward = Forward(scene)
        self._backward = Backward(scene, self._forward)

    def outcome(self) -> Outcome:
        shown = Shown(self._scene, self._forward, self._backward)
        workloads, links = shown.workloads(), shown.links()
        watched: list[tuple[int, WorkloadFlow | LinkFlow]] = [*enumerate(workloads)]
        watched += [(len(workloads) + link, links[link]) for link in self._shape.entries]
        return Outcome(
            self._motion(), self._tally(), self._met(), workloads, tuple(shown.lanes.items()), links,
            erring=tuple([place for place, flow in watched if errs(flow)]),
            slow=tuple([place for place, flow in watched if lags(flow)]),
            late=tuple([number for number, flow in enumerate(workloads) if flow.answer_us > SECOND_US]),
        )  # fmt: skip

    def _motion(self) -> Motion:
        """What traffic remembers of the epoch, breakers aside."""
        ground, backward = self._scene.ground, self._backward
        return Motion(
            queues=tuple([(o, turn.queue) for o, turn in enumerate(self._forward.turns) if turn.queue]),
            demand=self._demand(),
            busy_us=tuple([(o, backward.busy_us[o]) for o in ground.slotted]),
            passing=self._passing(),
            due=self._due(),
            failing=self.failing(),
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

    def failing(self) -> tuple[tuple[int, Failing], ...]:
        """By link whose tries may be made again, what share of them fails."""
        found = [(link, self._backward.links[link]) for link in self._shape.retried]
        return tuple([(link, _failing(count)) for link, count in found if count.succeeded < count.tried])

    def _due(self) -> Due:
        """Tries to come, of clients that learn late that they have failed."""
        before, failing = self._scene.motion.due, dict(self.failing())
        if not before and not failing:
            return ()
        uses = [((o, at), use) for o, made in enumerate(self._forward.uses) for at, use in enumerate(made)]
        policies, failed = self._shape.policies, [(at, use) for at, use in uses if use.edge.link in failing]
        more = [(at, put_off(policies[use.edge.link], use.rounds, failing[use.edge.link])) for at, use in failed]
        return gone_by(before, [(at, again) for at, put in more for again in put])

    def _met(self) -> tuple[tuple[int, int, int], ...]:
        found = [(link, self._backward.links[link]) for link in self._shape.broken]
        return tuple([(link, count.tried, count.tried - count.succeeded) for link, count in found])

    def _tally(self) -> Tally:
        errors, durations = Counter[tuple[int, str]](), Counter[tuple[int, int]]()
        counts: list[_Counts] = []
        for place, lanes in enumerate(self._scene.ground.wide.workloads):
            worked = [self._worked(place, lane, errors, durations) for lane in lanes]
            counts.append(worked[0] if len(worked) == 1 else tuple(map(sum, zip(*worked, strict=True))))
        for place, found in enumerate(self._backward.links, len(counts)):
            counts.append((found.tried + found.held, found.succeeded, found.latency))
            errors.update({(place, text): count for text, count in found.errors.items()})
            durations.update({(place, mean_us): count for mean_us, count in found.durations.items() if count})
        return Tally(tuple(counts), tuple(errors.items()), tuple(durations.items()))

    def _worked(
        self, place: int, lane: int, errors: Counter[tuple[int, str]], durations: Counter[tuple[int, int]]
    ) -> _Counts:
        """What a lane of the workload at a place did with its requests, whether or not somebody still waited for
        them."""
        backward, wait_us = self._backward, self._backward.queues[lane].wait_us
        arrived = served = good = shed = lost = latency = 0
        for operation in self._shape.siblings[lane]:
            turn, came = self._forward.turns[operation], self._forward.arrived[operation]
            arrived, served, shed, lost = arrived + came, served + turn.served, shed + turn.shed, lost + turn.lost
            good += turn.served * backward.success[operation] // WHOLE
            took_us = backward.busy_us[operation] + wait_us
            latency += came * took_us
            if came:
                durations[place, class_us(took_us)] += came
        if lost:
            errors[place, RESET] += lost
        manner = self._forward.manners.get(lane, PLAIN)
        return arrived, _answered(manner, place, served, good, errors), shed, latency


def _answered(manner: Manner, place: int, served: int, good: int, errors: Counter[tuple[int, str]]) -> int:
    """Count what fails of the requests worked on; return how many are answered."""
    let_in, good = served * manner.success // WHOLE, good * manner.success // WHOLE
    for text, count in ((manner.complaint or UPSTREAM, served - let_in), (UPSTREAM, let_in - good)):
        if count:
            errors[place, text] += count
    return good


def _failing(count: LinkSum) -> Failing:
    failed, late_us = count.tried - count.succeeded, count.lateness // count.late if count.late else 0
    return Failing(WHOLE * (failed - count.late) // count.tried, WHOLE * count.late // count.tried, late_us)


def _hardly_differ(before: Mapping[int, Failing], now: Mapping[int, Failing]) -> bool:
    shares = [(before.get(link, NEVER)[:2], now.get(link, NEVER)[:2]) for link in {*before, *now}]
    return all(abs(was - found) <= _HARDLY for one, other in shares for was, found in zip(one, other, strict=True))


def _settled(before: int, now: int) -> int:
    """The share of calls that pass as the next epoch takes it: half way to what it is now where some passed before and
    some do now, for fewer calls let more of them pass, and what swings about its rest has to come to it.

    >>> _settled(1_000_000, 300_000), _settled(300_000, 500_000), _settled(300_000, 0), _settled(300_000, 300_999)
    (300000, 400000, 0, 300000)
    """
    if abs(now - before) <= _HARDLY:
        return before
    return (before + now) // 2 if 0 < before < WHOLE and 0 < now < WHOLE else now
