"""The first half of an epoch: requests go from the users towards the last callee and fill queues on their way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stratus_sim.application.answers import Manner, Seen
from stratus_sim.application.dynamics import policies, queueing
from stratus_sim.application.dynamics.ground import Ground, Site
from stratus_sim.application.dynamics.lanes import Wide
from stratus_sim.application.dynamics.plan import USER, Edge, Operation
from stratus_sim.application.dynamics.queueing import WHOLE, Turn
from stratus_sim.application.dynamics.retries import NEVER, Rounds, due_now, rounds
from stratus_sim.application.dynamics.state import Motion
from stratus_sim.kernel import SECOND_US


class Conduct(NamedTuple):
    """How the servers of an island answer: `manners` by number, of those that do not answer plainly; how they are
    `seen`, by number and link, by callers whom they answer otherwise; by link by how much (thousandths) misses of
    caches multiply its calls, `more`."""

    manners: tuple[tuple[int, Manner], ...] = ()
    seen: tuple[tuple[tuple[int, int], Seen], ...] = ()
    more: tuple[tuple[int, int], ...] = ()

    def by_lane(self, wide: Wide) -> Conduct:
        """The same with each lane for a server."""
        manners = [(lane, manner) for number, manner in self.manners for lane in wide.workloads[number]]
        seen = [((lane, link), fares) for (number, link), fares in self.seen for lane in wide.workloads[number]]
        return Conduct(tuple(manners), tuple(seen), self.more)


PLAINLY = Conduct()


class Scene(NamedTuple):
    """All that an epoch of an island rests on; what comes of it is a function of this alone.

    Motion is by numbers of the ground's `wide` shape, conduct by those of the island. `users` are thousandths of
    requests that users made, in order of their operations.
    """

    ground: Ground
    conduct: Conduct
    motion: Motion
    users: tuple[int, ...]


class Use(NamedTuple):
    """What one operation made of one edge, in thousandths: `wanted` calls, `tries` that left, `held` by a breaker.

    `made` are the calls (ppm) of one request that gets as far. `rounds` are the tries by how many were made before,
    `parts` those by place where the link lands, all of them where there is none; `targets` the operations they reached,
    NOWHERE for errors on the way.
    """

    edge: Edge
    made: int
    wanted: int
    tries: int
    held: int
    rounds: Rounds
    parts: Sequence[int]
    targets: tuple[int, ...]


class Forward:
    """Works an epoch out in order of operations, each lane a workload; read `turns`, `uses` and `arrived` by operation
    and `rooms` by workload afterwards, and how servers answer: `manners` and `seen`, as in Conduct."""

    def __init__(self, scene: Scene) -> None:
        shape, motion, conduct = scene.ground.wide.shape, scene.motion, scene.conduct.by_lane(scene.ground.wide)
        self._scene, self._shape, self._sites = scene, shape, scene.ground.sites
        self.manners, self.seen, self._more = dict(conduct.manners), dict(conduct.seen), dict(conduct.more)
        self._queued = dict(motion.queues)
        self._failing, self._passing, self._demand = dict(motion.failing), dict(motion.passing), dict(motion.demand)
        self._lost, self._due = dict(motion.lost), due_now(motion.due) if motion.due else {}
        self.arrived = [*scene.users, *[0] * (len(shape.operations) - len(scene.users))]
        self.turns: list[Turn] = []
        self.uses: list[list[Use]] = []
        self.rooms = [self._room(workload, site) for workload, site in enumerate(self._sites)]
        self._left = self.rooms.copy()
        self._waiting = [sum([self._queued.get(o, 0) for o in siblings]) for siblings in shape.siblings]
        breakers = [(link, policies.allowance(shape.policies[link], b)) for link, b in motion.breakers]
        self._passes = {link: allowed for link, allowed in breakers if allowed is not None}
        for number, operation in enumerate(shape.operations):
            self._operate(number, operation)

    def _room(self, workload: int, site: Site) -> int:
        """How many thousandths of requests a workload can start on in this epoch."""
        cpu_permille = self.manners[workload].cpu_permille if workload in self.manners else 1000
        room = site.capacity * 1000 // max(1, cpu_permille)
        if site.slots is None:
            return room
        busy = dict(self._scene.motion.busy_us)
        busy_us = max([busy.get(o, 0) for o in self._shape.siblings[workload]])
        return min(room, site.slots * SECOND_US // busy_us) if busy_us else room

    def _operate(self, number: int, operation: Operation) -> None:
        turn = self._turn(number, operation.workload)
        self.turns.append(turn)
        uses: list[Use] = []
        reaching = turn.served
        for place, edge in enumerate(operation.edges):
            passing = self._passing.get((number, place), WHOLE)
            uses.append(self._use(number, place, edge, reaching, policies.made(edge.times, passing)))
            if passing < WHOLE and not operation.parallel:
                reaching = reaching * policies.all_of(edge.times, passing) // WHOLE
        self.uses.append(uses)

    def _turn(self, number: int, workload: int) -> Turn:
        arriving = self.arrived[number]
        if workload == USER:
            return Turn(arriving, 0, 0, 0)
        queued, lost = self._queued.get(number, 0), self._lost.get(number, 0)
        self._waiting[workload] -= queued
        bound = self._sites[workload].bound - self._waiting[workload]
        turn = queueing.turn(queued, arriving, self._room_for(number, workload), max(0, bound))
        self._waiting[workload] += turn.queue
        self._left[workload] -= turn.served
        return turn._replace(lost=turn.lost + lost) if lost else turn

    def _room_for(self, number: int, workload: int) -> int:
        """What the operations after this one need of their workload's room is kept for them, in proportion."""
        siblings = self._shape.siblings[workload]
        if len(siblings) == 1:
            return self._left[workload]
        demand, room = {o: self._demand.get(o, 0) for o in siblings}, self.rooms[workload]
        total = max(room, sum(demand.values()))
        later = [room * demand[sibling] // total for sibling in siblings if sibling > number] if total else []
        return max(0, self._left[workload] - sum(later))

    def _use(self, number: int, position: int, edge: Edge, reaching: int, share: int) -> Use:
        link, ground = edge.link, self._scene.ground
        wanted = reaching * share // WHOLE
        if self._more:
            wanted = wanted * self._more.get(link, 1000) // 1000
        passing = min(wanted, self._passes.get(link, wanted))
        if link in self._passes:
            self._passes[link] -= passing
        made = self._rounds(number, position, link, passing) if self._failing or self._due else (passing,)
        tries = sum(made)
        weights, targets = ground.weights[link], ground.targets[number][position]
        parts = (tries,) if len(weights) <= 1 else queueing.split(tries, weights)
        if tries and (edge.hard or edge.targets):
            self._arrive(number, parts, targets)
        return Use(edge, share, wanted, tries, wanted - passing, made, parts, targets)

    def _rounds(self, number: int, position: int, link: int, passing: int) -> Rounds:
        """All tries over an edge; a breaker that is not closed lets nobody try again who was let through before."""
        due = {} if link in self._passes else self._due.get((number, position), {})
        return rounds(self._shape.policies[link], passing, self._failing.get(link, NEVER), due)

    def _arrive(self, number: int, parts: Sequence[int], targets: tuple[int, ...]) -> None:
        """What a circle leads back to counts as answered already, here and for `Backward`."""
        for part, target in zip(parts, targets, strict=bool(targets)):
            if target > number:
                self.arrived[target] += part
