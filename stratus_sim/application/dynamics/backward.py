"""The second half of an epoch: outcomes come back from the last callee to the users."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics import policies
from stratus_sim.application.dynamics.forward import Forward, Scene, Use
from stratus_sim.application.dynamics.ground import NOWHERE
from stratus_sim.application.dynamics.queueing import WHOLE, in_time, wait_us
from stratus_sim.application.errors import BREAKER_OPEN, REFUSAL_US, REFUSED, TIMED_OUT, UPSTREAM, found_out_us
from stratus_sim.application.routes import Hop
from stratus_sim.application.throttling import loaded_us


class Fate(NamedTuple):
    """How a try fares that lands somewhere: the share (ppm) that succeeds, and of each error; the rest meets `error`.

    `latency_us` is the mean time until its client knows.
    """

    success: int
    shares: tuple[tuple[str, int], ...]
    error: str
    latency_us: int

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
    """What a client saw of its tries this epoch, in thousandths; `latency` sums thousandths times microseconds."""

    __slots__ = ("errors", "held", "latency", "succeeded", "tried")

    def __init__(self) -> None:
        self.tried = self.succeeded = self.held = self.latency = 0
        self.errors: dict[str, int] = {}

    def add(self, tries: int, fate: Fate) -> None:
        """Count so many tries with this fate."""
        good = tries * fate.success // WHOLE
        self.tried += tries
        self.succeeded += good
        self.latency += tries * fate.latency_us
        if good < tries:
            self._fail(tries, tries - good, fate)

    def pass_all(self, tries: int, fate: Fate) -> int:
        """Count tries that all succeed; return the share of them that do."""
        self.tried += tries
        self.succeeded += tries
        self.latency += tries * fate.latency_us
        return WHOLE

    def hold(self, held: int) -> None:
        """Count what a breaker did not let through."""
        self.held += held
        self.latency += held * REFUSAL_US
        self.errors[BREAKER_OPEN] = self.errors.get(BREAKER_OPEN, 0) + held

    def _fail(self, tries: int, left: int, fate: Fate) -> None:
        for text, share in fate.shares:
            count = min(left, tries * share // WHOLE)
            self.errors[text] = self.errors.get(text, 0) + count
            left -= count
        if left:
            self.errors[fate.error] = self.errors.get(fate.error, 0) + left


class Backward:
    """Works outcomes out against the order of operations; read its sums afterwards.

    `success` is the share (ppm) of an operation's requests whose calls succeed, `busy_us` the time one takes without
    the wait in its own queue. `idle` is how a link that is not used would fare: success, microseconds, error.
    """

    def __init__(self, scene: Scene, forward: Forward) -> None:
        plan = scene.plan
        self._scene, self._forward = scene, forward
        self.success, self.busy_us = list(scene.motion.success), list(scene.motion.busy_us)
        self.links = [LinkSum() for _ in plan.links]
        self._waiting = any(scene.motion.queues) or any(turn.queue for turn in forward.turns)
        self.queues = [self._queue(number) for number in range(len(plan.workloads))]
        self.idle: dict[int, tuple[int, int, str]] = {}
        self._fates: dict[tuple[int, int, str], Fate] = {}
        for number in reversed(range(len(plan.operations))):
            self._judge(number)

    def _queue(self, workload: int) -> Queue:
        scene, forward = self._scene, self._forward
        siblings, site = scene.plan.siblings[workload], scene.ground.sites[workload]
        answer = scene.answers.get(workload, PLAIN)
        rate = sum([forward.arrived[o] for o in siblings])
        work = rate * answer.cpu_permille // 1000
        load = 1000 * work // site.capacity if site.capacity else (1000 if work else 0)
        own_us = round(loaded_us(site.latency_us, load)) + site.throttled_us + answer.latency_us
        if not self._waiting:
            return Queue(load, own_us, 0, 0)
        before = sum([scene.motion.queues[o] for o in siblings])
        after = sum([forward.turns[o].queue for o in siblings])
        waits = [wait_us(queue, forward.rooms[workload]) for queue in (before, after)]
        return Queue(load, own_us, *waits)

    def _judge(self, number: int) -> None:
        """A request succeeds when all its hard calls do; it waits for them one after the other, or at once."""
        operation = self._scene.plan.operations[number]
        share, waits = WHOLE, [0]
        for use in self._forward.uses[number]:
            success, waited_us = self._call(number, use)
            if use.edge.hard:
                share = share * success // WHOLE
                waits.append(waited_us)
        own_us = self.queues[operation.workload].own_us if operation.workload >= 0 else 0
        self.success[number] = share
        self.busy_us[number] = own_us + (max(waits) if operation.parallel else sum(waits))

    def _call(self, number: int, use: Use) -> tuple[int, int]:
        """The share (ppm) of requests whose calls over an edge succeed, and how long they wait for them."""
        link = use.edge.link
        hops, counts = self._scene.ground.hops[link], self.links[link]
        fates = [self._fate(number, link, hop, target) for hop, target in zip(hops, use.targets, strict=True)]
        if use.held:
            counts.hold(use.held)
        if not use.wanted:
            success, latency_us, _ = self.idle[link] = _unused(self._scene.ground.weights[link], fates)
            return success, use.edge.times * latency_us
        if len(fates) == 1 and fates[0].success == WHOLE and use.tries == use.wanted:
            return counts.pass_all(use.tries, fates[0]), use.edge.times * fates[0].latency_us
        before = counts.succeeded, counts.latency
        for part, fate in zip(use.parts, fates or (_NOBODY,), strict=True):
            counts.add(part, fate)
        return self._per_request(use, counts.succeeded - before[0], counts.latency - before[1])

    def _per_request(self, use: Use, good: int, latency: int) -> tuple[int, int]:
        """Of requests whose tries over an edge had so many successes and took so long together."""
        wanted = use.wanted
        share = WHOLE * min(wanted, good) // wanted
        if use.edge.times > 1:
            share = share**use.edge.times // WHOLE ** (use.edge.times - 1)
        paused_us = 0
        if use.tries > wanted:
            paused_us = policies.backed_off_us(self._scene.plan.links[use.edge.link].policy, use.tries, wanted)
        return share, use.edge.times * (latency // wanted + paused_us)

    def _fate(self, number: int, link: int, hop: Hop, target: int) -> Fate:
        client = self._scene.plan.links[link]
        timeout_us = client.policy.timeout_us
        if target == NOWHERE:
            return Fate(0, (), hop.error, found_out_us(hop.error, timeout_us)) if hop.error else _FINE
        answer = self._scene.answers.get(self._scene.plan.operations[target].workload, PLAIN)
        source = client.source if answer.refused else ""
        known = target if target > number else -target, timeout_us, source
        fate = self._fates.get(known)
        if fate is None:
            fate = self._fates[known] = self._land(target, timeout_us, answer.seen_by(source), fresh=target > number)
        return fate

    def _land(self, target: int, timeout_us: int, seen: tuple[float, str], *, fresh: bool) -> Fate:
        """How a try fares at an operation; one led back by a circle, as those of the last epoch did."""
        queue, arrived = self.queues[self._scene.plan.operations[target].workload], self._forward.arrived[target]
        busy_us, success = self.busy_us[target], self.success[target]
        shed = WHOLE * self._forward.turns[target].shed // arrived if fresh and arrived else 0
        if not shed and not queue.last_us and not queue.first_us and busy_us <= timeout_us and seen == _WELCOME:
            return Fate(success, (), UPSTREAM, busy_us)
        first_us, last_us = sorted((busy_us + queue.first_us, busy_us + queue.last_us))
        answered = (WHOLE - shed) * in_time(first_us, last_us, timeout_us) // WHOLE
        mean_us = min(timeout_us, (first_us + min(last_us, timeout_us)) // 2)
        late = WHOLE - shed - answered
        let_in = answered * round(WHOLE * seen[0]) // WHOLE
        shares = ((TIMED_OUT, late), (seen[1], answered - let_in))
        waited_us = (shed * REFUSAL_US + answered * mean_us + late * timeout_us) // WHOLE
        return Fate(let_in * success // WHOLE, tuple([one for one in shares if one[1]]), UPSTREAM, waited_us)


_WELCOME = (1.0, "")


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
