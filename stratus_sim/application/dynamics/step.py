"""One epoch, from what the last one left behind to what it leaves.

Retries follow failures of the epoch before, so an epoch needs no fixed point. A try is judged when it arrives, by the
queue it finds; whoever gives up leaves the request in that queue, where it is worked on all the same.
"""

from __future__ import annotations

from stratus_sim.application.answers import PLAIN
from stratus_sim.application.dynamics import policies
from stratus_sim.application.dynamics.backward import Backward
from stratus_sim.application.dynamics.forward import Forward, Scene
from stratus_sim.application.dynamics.queueing import WHOLE
from stratus_sim.application.dynamics.state import Motion, Tally, durations_of
from stratus_sim.application.errors import RESET, UPSTREAM

Errors = dict[tuple[int, str], int]


class Step:
    """An epoch in which `users` made so many requests (thousandths) of each type. Its parts are read off afterwards."""

    def __init__(self, scene: Scene, users: tuple[int, ...]) -> None:
        self.scene = scene
        self.forward = Forward(scene, users)
        self.backward = Backward(scene, self.forward)

    def motion(self, now_us: int) -> Motion:
        """What traffic remembers of the epoch, which ends now."""
        scene, links = self.scene, self.backward.links
        return Motion(
            queues=tuple([turn.queue for turn in self.forward.turns]),
            demand=tuple(map(int.__add__, scene.motion.queues, self.forward.arrived)),
            success=tuple(self.backward.success),
            busy_us=tuple(self.backward.busy_us),
            failing=tuple([WHOLE - WHOLE * link.succeeded // link.tried if link.tried else 0 for link in links]),
            breakers=tuple([self._breaker(link, now_us) for link in range(len(links))]),
            pods=tuple([site.pods for site in scene.ground.sites]),
        )

    def tally(self) -> Tally:
        """What the epoch counted."""
        counts: list[int] = []
        errors: Errors = {}
        for workload in range(len(self.scene.plan.workloads)):
            counts += self._worked(workload, errors)
        for place, link in enumerate(self.backward.links, len(self.scene.plan.workloads)):
            counts += (link.tried + link.held, link.succeeded, link.latency)
            errors |= {(place, text): count for text, count in link.errors.items()}
        return Tally(tuple(counts), errors, durations_of(counts, len(self.scene.plan.workloads)))

    def _breaker(self, link: int, now_us: int) -> policies.Breaker:
        rule, breaker = self.scene.plan.links[link].policy.breaker, self.scene.motion.breakers[link]
        if rule is None:
            return breaker
        count = self.backward.links[link]
        return policies.observe(rule, breaker, count.tried, count.tried - count.succeeded, now_us)

    def _worked(self, workload: int, errors: Errors) -> tuple[int, int, int, int]:
        """What a workload did with its requests, whether or not somebody still waited for them."""
        backward, wait_us = self.backward, self.backward.queues[workload].wait_us
        arrived = served = good = shed = lost = latency = 0
        for operation in self.scene.plan.siblings[workload]:
            turn, came = self.forward.turns[operation], self.forward.arrived[operation]
            arrived, served, shed, lost = arrived + came, served + turn.served, shed + turn.shed, lost + turn.lost
            good += turn.served * backward.success[operation] // WHOLE
            latency += came * (backward.busy_us[operation] + wait_us)
        if lost:
            errors[workload, RESET] = lost
        return arrived, self._answered(workload, served, good, errors), shed, latency

    def _answered(self, workload: int, served: int, good: int, errors: Errors) -> int:
        """Count what fails of the requests worked on; return how many are answered."""
        answer = self.scene.answers.get(workload, PLAIN)
        let_in = served * round(WHOLE * answer.success) // WHOLE
        good = good * round(WHOLE * answer.success) // WHOLE
        complaint = answer.seen_by("")[1] or UPSTREAM
        for text, count in ((complaint, served - let_in), (UPSTREAM, let_in - good)):
            if count:
                errors[workload, text] = errors.get((workload, text), 0) + count
        return good
