"""How an island goes on from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from stratus_sim.application.dynamics import policies
from stratus_sim.application.dynamics.islands import Island
from stratus_sim.application.dynamics.policies import CLOSED, Breaker
from stratus_sim.application.dynamics.state import STILL, Crews, Motion, Outcome, Tally
from stratus_sim.kernel import SECOND_US

MANY = 8
"""So many kinds of seconds are kept apart until they are booked: an island goes to and fro between few."""
Accounts = tuple[tuple[Tally, int], ...]


class Course(msgspec.Struct, frozen=True):
    """Every second since `since_us` had this outcome, if there was one, and the last one left this motion.

    `past` has seconds before that, which are not booked yet, by what each of them counted. Motion is by lanes, of which
    `crews` say who is in them.
    """

    outcome: Outcome | None
    motion: Motion
    since_us: int
    past: Accounts = ()
    crews: Crews = ()

    def accounts(self, until_us: int) -> Accounts:
        """What the seconds until then counted, and how many there were of each kind."""
        if self.outcome is None:
            return self.past
        tally, seconds = self.outcome.tally, (until_us - self.since_us) // SECOND_US
        for at, (known, times) in enumerate(self.past):
            if known == tally:
                return (*self.past[:at], (known, times + seconds), *self.past[at + 1 :])
        return (*self.past, (tally, seconds))

    def after(self, island: Island, outcome: Outcome, now_us: int) -> Course:
        """The course once another second, which ends now, had this outcome."""
        motion = self._left(island, outcome, now_us)
        if outcome == self.outcome:
            return replace(self, motion=motion)
        begun_us = now_us - SECOND_US
        return Course(outcome, motion, begun_us, self.accounts(begun_us), self.crews)

    def moves(self, before: Course) -> bool:
        """Whether the next second will be another one although nothing happens."""
        return self.motion != before.motion or any(policies.waiting(breaker) for _, breaker in self.motion.breakers)

    def _left(self, island: Island, outcome: Outcome, now_us: int) -> Motion:
        if not island.shape.broken:
            return outcome.motion
        known = dict(self.motion.breakers)
        found = [(link, _met(island, link, known.get(link, CLOSED), met, now_us)) for link, *met in outcome.met]
        return outcome.motion._replace(
            breakers=tuple([(link, breaker) for link, breaker in found if breaker != CLOSED])
        )


BEFORE = Course(None, STILL, 0)
"""Before the first request."""


def _met(island: Island, link: int, breaker: Breaker, met: list[int], now_us: int) -> Breaker:
    rule = island.shape.policies[link].breaker
    return breaker if rule is None else policies.observe(rule, breaker, met[0], met[1], now_us)


def part_of(parts: Sequence[tuple[Island, Motion]], island: Island) -> Motion:
    """What an island keeps of the motions that these had, whose workloads have one lane each."""

    def kept(field: str, kind: str) -> tuple[tuple[int, Any], ...]:
        """Of a field by numbers of this kind."""
        known = {getattr(old, kind)[n]: value for old, motion in parts for n, value in getattr(motion, field)}
        return tuple([(n, known[number]) for n, number in enumerate(getattr(island, kind)) if number in known])

    passing = {(old.operations[o], at): share for old, motion in parts for (o, at), share in motion.passing}
    mine = {number: place for place, number in enumerate(island.operations)}
    due = [((old.operations[o], at, ahead, n), count) for old, m in parts for (o, at, ahead, n), count in m.due]
    stopping = [((o, at), (island.operations[o], at)) for o, at in sorted(island.shape.stopping)]
    return Motion(
        queues=kept("queues", "operations"),
        demand=kept("demand", "operations"),
        busy_us=kept("busy_us", "operations"),
        passing=tuple([(here, passing[there]) for here, there in stopping if there in passing]),
        due=tuple(sorted([((mine[o], at, ahead, n), count) for (o, at, ahead, n), count in due if o in mine])),
        failing=kept("failing", "links"),
        breakers=kept("breakers", "links"),
    )
