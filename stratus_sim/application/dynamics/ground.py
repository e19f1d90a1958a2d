"""What the store says that an epoch rests on: pods and their room, and where calls land."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stratus_sim.application.dynamics.islands import Island, Stray
from stratus_sim.application.dynamics.plan import Edge, Plan
from stratus_sim.application.routes import Hop
from stratus_sim.application.routing import Router

MILLI = 1000
NOWHERE = -1


class Site(NamedTuple):
    """A workload now: serving pods, requests per 1,000 s their CPU carries, microseconds a request takes alone.

    `slots` are requests it works on at once (None: as CPU allows), `bound` those that may wait; both in thousandths.
    """

    pods: int
    capacity: int
    latency_us: int
    throttled_us: int
    slots: int | None
    bound: int


Landed = tuple[tuple[Hop, int], ...]
"""Where tries of a link land, with the weight of each."""


class Ground:
    """What an epoch of an island rests on: `sites` of workloads, by link the `hops` where a try lands and the `weights`
    of each, by operation and edge the `targets` these set off (NOWHERE for errors on the way).

    Of operations that are `slotted` a limited number is worked on at once. Equal grounds are one (see `ground_of`).
    """

    __slots__ = ("hops", "landed", "sites", "slotted", "targets", "weights")

    def __init__(self, island: Island, sites: tuple[Site, ...], landed: tuple[Landed, ...]) -> None:
        plan, self.landed = island.plan, dict(zip(island.links, landed, strict=True))
        self.sites = dict(zip(island.workloads, sites, strict=True))
        self.hops = {link: tuple([hop for hop, _ in found]) for link, found in self.landed.items()}
        self.weights = {link: tuple([weight for _, weight in found]) for link, found in self.landed.items()}
        self.targets = {
            o: tuple([_targets(plan, edge, self.hops[edge.link]) for edge in plan.operations[o].edges])
            for o in island.operations
        }
        slotted = {o for n, site in self.sites.items() if site.slots is not None for o in plan.siblings[n]}
        self.slotted = tuple(sorted(slotted))


@lru_cache(maxsize=4096)
def ground_of(island: Island, sites: tuple[Site, ...], landed: tuple[Landed, ...]) -> Ground:
    """The ground of these sites and landings."""
    return Ground(island, sites, landed)


def site(router: Router, name: str) -> Site:
    """A workload at this instant."""
    workload, pods = router.application.workloads[name], router.pods(name)
    slots = None if workload.concurrency is None else MILLI * pods * workload.concurrency
    waiting = router.application.traffic.queue if workload.queue is None else workload.queue
    busy_us = router.throttled_us(name)
    return Site(pods, router.capacity(name), workload.latency_us, busy_us, slots, MILLI * pods * waiting)


def landed(router: Router, plan: Plan, link: int) -> Landed:
    """Where tries of a link land at this instant."""
    client = plan.links[link]
    found = router.enter(client.service) if client.call is None else router.call(client.call)
    return tuple(found.items())


def strays(plan: Plan, link: int, found: Landed) -> list[Stray]:
    """The workloads a link leads to that its Service does not select."""
    astray = [hop.workload for hop, _ in found if hop.workload not in plan.reached[link]]
    return [Stray(link, plan.number[name]) for name in astray if name in plan.number] if astray else []


def _targets(plan: Plan, edge: Edge, hops: tuple[Hop, ...]) -> tuple[int, ...]:
    """An address nobody planned for leads to what its workload does by default."""
    return tuple([edge.targets.get(hop.workload) or plan.home.get(hop.workload, NOWHERE) for hop in hops])
