"""The second half of an epoch: outcomes come back from the last callee to the users."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.application.answers import PLAIN, Seen
from stratus_sim.application.dynamics import policies
from stratus_sim.application.dynamics.durations import class_us
from stratus_sim.application.dynamics.forward import Forward, Scene, Use
from stratus_sim.application.dynamics.ground import Site
from stratus_sim.application.dynamics.lanes import NOWHERE
from stratus_sim.application.dynamics.plan import USER, Operation
from stratus_sim.application.dynamics.queueing import WHOLE, in_time, wait_us
from stratus_sim.application.dynamics.retries import SOON_US
from stratus_sim.application.errors import BREAKER_OPEN, REFUSAL_US, REFUSED, TIMED_OUT, UPSTREAM, found_out_us
from stratus_sim.application.throttling import loaded_us


class Fate(NamedTuple):
    """How a try fares that lands somewhere: the share (ppm) that succeeds, and of each error; the rest meets `error`.

    `latency_us` is the mean time until its client knows, `late` the share that does not fail soon, but after
    `late_us` in the mean.
    """

    success: int
    shares: tuple[tuple[str, int], ...]
    error: str
    latency_us: int
    late: int = 0
    late_us: int = 0

    @property
    def foremost(self) -> str:
        """The error a client is likely to print, empty when all succeeds."""
        if self.success == WHOLE:
            return ""
        return self.shares[0][0] if self.shares else self.error


class Queue(NamedTuple):
    """A workload in this epoch: its load, what a request takes without its calls, the wait at first and at last."""

    load_permille: int
    own_us: int
    first_us: int
    last_us: int

    @property
    def wait_us(self) -> int:
        return (self.first_us + self.last_us) // 2


class LinkSum:
    """What a client saw of its tries this epoch, in thousandths; `late` those that did not fail soon.

    `latency` sums thousandths times microseconds, `lateness` those of the late; `durations` are tries by the class of
    the mean time they took.
    """

    __slots__ = ("durations", "errors", "held", "late", "latency", "lateness", "succeeded", "tried")

    def __init__(self) -> None:
        self.tried = self.succeeded = self.held = self.latency = self.late = self.lateness = 0
        self.errors: dict[str, int] = {}
        self.durations: dict[int, int] = {}

    def add(self, tries: int, fate: Fate) -> None:
        """Count so many tries with this fate."""
        good = tries * fate.success // WHOLE
        self.tried += tries
        self.succeeded += good
        self._take(tries, fate.latency_us)
        if good < tries:
            self._fail(tries, tries - good, fate)

    def pass_all(self, tries: int, fate: Fate) -> int:
        """Count tries that all succeed; return the share of them that do."""
        self.tried += tries
        self.succeeded += tries
        self._take(tries, fate.latency_us)
        return WHOLE

    def hold(self, held: int) -> None:
        """Count what a breaker did not let through."""
        self.held += held
        self._take(held, REFUSAL_US)
        self.errors[BREAKER_OPEN] = self.errors.get(BREAKER_OPEN, 0) + held

    def _take(self, tries: int, took_us: int) -> None:
        self.latency += tries * took_us
        self.durations[class_us(took_us)] = self.durations.get(class_us(took_us), 0) + tries

    def _fail(self, tries: int, left: int, fate: Fate) -> None:
        late = tries * fate.late // WHOLE
        self.late += late
        self.lateness += late * fate.late_us
        for text, share in fate.shares:
            count = min(left, tries * share // WHOLE)
            self.errors[text] = self.errors.get(text, 0) + count
            left -= count
        if left:
            self.errors[fate.error] = self.errors.get(fate.error, 0) + left


class Backward:
    """Works outcomes out against the order of operations; read its sums afterwards.

    `success` is the share (ppm) of an operation's requests whose calls succeed, `busy_us` the time one takes without
    the wait in its own queue, `passing` by operation and place of an edge the share of its hard calls that pass.
    `idle` is how a link that is not used would fare: success, microseconds, error.
    """

    def __init__(self, scene: Scene, forward: Forward) -> None:
        shape, motion = scene.ground.wide.shape, scene.motion
        self._scene, self._forward, self._shape = scene, forward, shape
        self._manners, self._seen = forward.manners, forward.seen
        self._queued = dict(motion.queues)
        self.success, self.busy_us = [WHOLE] * len(shape.operations), [0] * len(shape.operations)
        self.passing: dict[tuple[int, int], int] = {}
        self.links = [LinkSum() for _ in shape.policies]
        self._waiting = bool(motion.queues) or any(turn.queue for turn in forward.turns)
        self.queues = [self._queue(workload, site) for workload, site in enumerate(scene.ground.sites)]
        self.idle: dict[int, tuple[int, int, str]] = {}
        self._fates: dict[tuple[int, bool, int, Seen], Fate] = {}
        for number in reversed(range(len(shape.operations))):
            self._judge(number, shape.operations[number])

    def _queue(self, workload: int, site: Site) -> Queue:
        siblings = self._shape.siblings[workload]
        manner = self._manners.get(workload, PLAIN)
        rate = sum([self._forward.arrived[o] for o in siblings])
        work = rate * manner.cpu_permille // 1000
        load = 1000 * work // site.capacity if site.capacity else (1000 if work else 0)
        own_us = round(loaded_us(site.latency_us, load)) + site.throttled_us + manner.latency_us
        if not self._waiting:
            return Queue(load, own_us, 0, 0)
        before = sum([self._queued.get(o, 0) for o in siblings])
        after = sum([self._forward.turns[o].queue for o in siblings])
        waits = [wait_us(queue, self._forward.rooms[workload]) for queue in (before, after)]
        return Queue(load, own_us, *waits)

    def _judge(self, number: int, operation: Operation) -> None:
        """A request succeeds when all its hard calls do: it waits for them at once, or for one after the other until
        one fails."""
        share, waited_us = WHOLE, 0
        for place, use in enumerate(self._forward.uses[number]):
            passing, wait = self._call(number, use)
            if not use.edge.hard:
                continue
            waited_us = max(waited_us, wait) if operation.parallel else waited_us + share * wait // WHOLE
            if passing < WHOLE:
                share = share * policies.all_of(use.edge.times, passing) // WHOLE
                if (number, place) in self._shape.stopping:
                    self.passing[number, place] = passing
        own_us = self.queues[operation.workload].own_us if operation.workload != USER else 0
        self.success[number] = share
        self.busy_us[number] = own_us + waited_us

    def _call(self, number: int, use: Use) -> tuple[int, int]:
        """The share (ppm) of calls over an edge that succeed, and how long a request waits for all it makes."""
        link = use.edge.link
        errors, counts = self._scene.ground.errors[link], self.links[link]
        fates = [self._fate(number, link, *way) for way in zip(errors, use.targets, strict=True)]
        if use.held:
            counts.hold(use.held)
        if not use.tries and not use.held:
            success, latency_us, _ = self.idle[link] = _unused(self._scene.ground.weights[link], fates)
            return success, use.made * latency_us // WHOLE
        if len(fates) == 1 and fates[0].success == WHOLE and use.tries == use.wanted:
            return counts.pass_all(use.tries, fates[0]), use.made * fates[0].latency_us // WHOLE
        before = counts.succeeded, counts.latency
        for part, fate in zip(use.parts, fates or (_NOBODY,), strict=True):
            counts.add(part, fate)
        if not use.wanted:
            success, latency_us, _ = _unused(self._scene.ground.weights[link], fates)
            return success, use.made * latency_us // WHOLE
        return self._per_call(use, counts.succeeded - before[0], counts.latency - before[1])

    def _per_call(self, use: Use, good: int, latency: int) -> tuple[int, int]:
        """Of calls whose tries over an edge had so many successes and took so long together."""
        paused_us = 0
        if use.tries > use.wanted:
            paused_us = policies.backed_off_us(self._shape.policies[use.edge.link], use.tries, use.wanted)
        share = WHOLE * min(use.wanted, good) // use.wanted
        return share, use.made * (latency // use.wanted + paused_us) // WHOLE

    def _fate(self, number: int, link: int, error: str, target: int) -> Fate:
        policy = self._shape.policies[link]
        if target == NOWHERE:
            return _lost(error, found_out_us(error, policy.timeout_us)) if error else _FINE
        workload, fresh = self._shape.operations[target].workload, target > number
        manner = self._manners.get(workload, PLAIN)
        seen = self._seen.get((workload, link)) or (manner.success, manner.complaint)
        known = target, fresh, policy.limit_us, seen
        fate = self._fates.get(known)
        if fate is None:
            fate = self._fates[known] = self._land(target, policy.limit_us, seen, fresh=fresh)
        return fate

    def _land(self, target: int, limit_us: int, seen: Seen, *, fresh: bool) -> Fate:
        """How a try fares at an operation; one led back by a circle finds the calls there answered already."""
        queue, arrived = self.queues[self._shape.operations[target].workload], self._forward.arrived[target]
        busy_us, success = (self.busy_us[target], self.success[target]) if fresh else (queue.own_us, WHOLE)
        shed = WHOLE * self._forward.turns[target].shed // arrived if fresh and arrived else 0
        if not shed and not queue.last_us and not queue.first_us and busy_us <= limit_us and seen == _WELCOME:
            return Fate(success, (), UPSTREAM, busy_us, *_slow((WHOLE - success, busy_us)))
        first_us, last_us = sorted((busy_us + queue.first_us, busy_us + queue.last_us))
        answered = (WHOLE - shed) * in_time(first_us, last_us, limit_us) // WHOLE
        mean_us = min(limit_us, (first_us + min(last_us, limit_us)) // 2)
        late = WHOLE - shed - answered
        let_in = answered * seen[0] // WHOLE
        shares = ((TIMED_OUT, late), (seen[1], answered - let_in))
        waited_us = (shed * REFUSAL_US + answered * mean_us + late * limit_us) // WHOLE
        good = let_in * success // WHOLE
        slow = _slow((late, limit_us), (answered - good, mean_us))
        return Fate(good, tuple([one for one in shares if one[1]]), UPSTREAM, waited_us, *slow)


_WELCOME = (WHOLE, "")


def _lost(error: str, found_out_us: int) -> Fate:
    """Of a try that lands nowhere."""
    return Fate(0, (), error, found_out_us, *_slow((WHOLE, found_out_us)))


def _slow(*failing: tuple[int, int]) -> tuple[int, int]:
    """Of shares (ppm) that fail after so long: the share of those that do not fail soon, and their mean time."""
    late = [one for one in failing if one[0] and one[1] >= SOON_US]
    share = sum([share for share, _ in late])
    return share, sum([share * took_us for share, took_us in late]) // share if share else 0


def _unused(weights: tuple[int, ...], fates: list[Fate]) -> tuple[int, int, str]:
    if len(fates) == 1:
        return fates[0].success, fates[0].latency_us, fates[0].foremost
    total = sum(weights)
    if not total:
        return 0, REFUSAL_US, REFUSED
    success = sum([weight * fate.success for weight, fate in zip(weights, fates, strict=True)]) // total
    latency_us = sum([weight * fate.latency_us for weight, fate in zip(weights, fates, strict=True)]) // total
    failing = next((fate for fate in fates if fate.success < WHOLE), _FINE)
    return success, latency_us, failing.foremost


_FINE = Fate(WHOLE, (), "", 0)
_NOBODY = Fate(0, (), REFUSED, REFUSAL_US)
