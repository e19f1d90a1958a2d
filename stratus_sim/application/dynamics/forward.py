"""The first half of an epoch: requests go from the users towards the last callee and fill queues on their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stratus_sim.application.behaviours.registry import Served
from stratus_sim.application.dynamics import policies, queueing
from stratus_sim.application.dynamics.ground import Ground
from stratus_sim.application.dynamics.plan import Edge, Plan
from stratus_sim.application.dynamics.queueing import Turn
from stratus_sim.application.dynamics.state import Motion
from stratus_sim.kernel import SECOND_US


class Use(NamedTuple):
    """What one operation made of one edge, in thousandths: `wanted` calls, `tries` that left, `held` by a breaker.

    `parts` are the tries by hop of the link, all of them where there is none; `targets` the operations they reached,
    NOWHERE for errors on the way.
    """

    edge: Edge
    wanted: int
    tries: int
    held: int
    parts: Sequence[int]
    targets: tuple[int, ...]


class Scene(NamedTuple):
    """What an epoch rests on. `answers` are those of behaviours by workload; `more` is by how much (thousandths) misses
    of caches multiply the calls of a link."""

    plan: Plan
    ground: Ground
    answers: Mapping[int, Served]
    more: Mapping[int, int]
    motion: Motion


class Forward:
    """Works an epoch out in order of operations; read `turns`, `uses`, `arrived` and `rooms` afterwards."""

    def __init__(self, scene: Scene, users: tuple[int, ...]) -> None:
        plan, motion = scene.plan, scene.motion
        self._scene = scene
        self.arrived = [*users, *[0] * (len(plan.operations) - len(users))]
        self.turns: list[Turn] = []
        self.uses: list[list[Use]] = []
        self.rooms = [_room(scene, number) for number in range(len(plan.workloads))]
        self._left = self.rooms.copy()
        self._waiting = [sum(motion.queues[o] for o in siblings) for siblings in plan.siblings]
        self._passes = {
            link: allowed
            for link, breaker in enumerate(motion.breakers)
            if (allowed := policies.allowance(plan.links[link].policy, breaker)) is not None
        }
        for number in range(len(plan.operations)):
            self._operate(number)

    def _operate(self, number: int) -> None:
        operation = self._scene.plan.operations[number]
        turn = self._turn(number, operation.workload)
        self.turns.append(turn)
        edges = enumerate(operation.edges)
        self.uses.append([self._use(number, place, edge, turn.served * edge.times) for place, edge in edges])

    def _turn(self, number: int, workload: int) -> Turn:
        arriving = self.arrived[number]
        if workload < 0:
            return Turn(arriving, 0, 0, 0)
        queued, kept = self._scene.motion.queues[number], self._kept(number, workload)
        self._waiting[workload] -= queued
        bound = self._scene.ground.sites[workload].bound - self._waiting[workload]
        turn = queueing.turn(kept, arriving, self._room_for(number, workload), max(0, bound))
        self._waiting[workload] += turn.queue
        self._left[workload] -= turn.served
        return turn if kept == queued else turn._replace(lost=turn.lost + queued - kept)

    def _kept(self, number: int, workload: int) -> int:
        """What still waits: a pod that goes takes its queue with it."""
        queued = self._scene.motion.queues[number]
        now, before = self._scene.ground.sites[workload].pods, self._scene.motion.pods[workload]
        return queued * now // before if queued and now < before else queued

    def _room_for(self, number: int, workload: int) -> int:
        """What the operations after this one need of their workload's room is kept for them, in proportion."""
        siblings = self._scene.plan.siblings[workload]
        if len(siblings) == 1:
            return self._left[workload]
        demand, room = self._scene.motion.demand, self.rooms[workload]
        total = max(room, sum(demand[sibling] for sibling in siblings))
        reserved = sum(room * demand[sibling] // total for sibling in siblings if sibling > number) if total else 0
        return max(0, self._left[workload] - reserved)

    def _use(self, number: int, position: int, edge: Edge, wanted: int) -> Use:
        link, scene = edge.link, self._scene
        if scene.more:
            wanted = wanted * scene.more.get(link, 1000) // 1000
        passing = min(wanted, self._passes.get(link, wanted)) if self._passes else wanted
        if passing < wanted or link in self._passes:
            self._passes[link] -= passing
        failing = scene.motion.failing[link]
        tries = passing + policies.retried(scene.plan.links[link].policy, passing, failing) if failing else passing
        weights, targets = scene.ground.weights[link], scene.ground.targets[number][position]
        parts = (tries,) if len(weights) <= 1 else queueing.split(tries, weights)
        if tries and (edge.hard or edge.targets):
            self._arrive(number, parts, targets)
        return Use(edge, wanted, tries, wanted - passing, parts, targets)

    def _arrive(self, number: int, parts: Sequence[int], targets: tuple[int, ...]) -> None:
        """What a circle leads back to counts as answered already."""
        for part, target in zip(parts, targets, strict=bool(targets)):
            if target > number:
                self.arrived[target] += part


def _room(scene: Scene, workload: int) -> int:
    """How many thousandths of requests a workload can start on in this epoch."""
    site = scene.ground.sites[workload]
    cpu_permille = scene.answers[workload].cpu_permille if workload in scene.answers else 1000
    room = site.capacity * 1000 // max(1, cpu_permille)
    if site.slots is None:
        return room
    busy_us = max((scene.motion.busy_us[o] for o in scene.plan.siblings[workload]), default=0)
    return min(room, site.slots * SECOND_US // busy_us) if busy_us else room
