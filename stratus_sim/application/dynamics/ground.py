"""What the store says that an epoch rests on: pods and their room, and where calls land."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from stratus_sim.application.dynamics.islands import Island, Shape, Stray
from stratus_sim.application.dynamics.plan import Edge, Plan
from stratus_sim.application.routes import Hops
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


Landed = tuple[tuple[int, str, int], ...]
"""Where tries of a link land: a workload of the island or NOWHERE, the error met on the way, and the weight of each."""


class Ground:
    """What an epoch of an island rests on: `sites` of workloads, by link the `errors` met on the way to where a try
    lands and the `weights` of each, by operation and edge the `targets` these set off (NOWHERE for errors on the way).

    Of operations that are `slotted` a limited number is worked on at once. Equal grounds are one (see `ground_of`).
    """

    __slots__ = ("errors", "sites", "slotted", "targets", "weights")

    def __init__(self, shape: Shape, sites: tuple[Site, ...], landed: tuple[Landed, ...]) -> None:
        self.sites = sites
        self.errors = tuple([tuple([error for _, error, _ in found]) for found in landed])
        self.weights = tuple([tuple([weight for _, _, weight in found]) for found in landed])
        self.targets = tuple(
            [tuple([_targets(shape, edge, landed[edge.link]) for edge in op.edges]) for op in shape.operations]
        )
        slotted = [of for of, site in zip(shape.siblings, sites, strict=True) if site.slots is not None]
        self.slotted = tuple(sorted([operation for of in slotted for operation in of]))


@lru_cache(maxsize=4096)
def ground_of(shape: Shape, sites: tuple[Site, ...], landed: tuple[Landed, ...]) -> Ground:
    """The ground of these sites and landings."""
    return Ground(shape, sites, landed)


def site(router: Router, name: str) -> Site:
    """A workload at this instant."""
    workload, serving = router.application.workloads[name], router.serving[name]
    pods = len(serving.pods)
    slots = None if workload.concurrency is None else MILLI * pods * workload.concurrency
    waiting = router.application.traffic.queue if workload.queue is None else workload.queue
    capacity = serving.millicores * 1_000_000 // max(1, workload.cpu_us_per_request)
    return Site(pods, capacity, workload.latency_us, serving.throttled_us, slots, MILLI * pods * waiting)


def landed(island: Island, hops: Hops) -> Landed:
    """Where tries land, as an island has it."""
    number = island.number
    return tuple([(number.get(hop.workload, NOWHERE), hop.error, weight) for hop, weight in hops.items()])


def strays(plan: Plan, link: int, hops: Hops) -> list[Stray]:
    """The workloads a link leads to that its Service does not select."""
    astray = [hop.workload for hop in hops if hop.workload not in plan.reached[link]]
    return [Stray(link, plan.number[name]) for name in astray if name in plan.number] if astray else []


def _targets(shape: Shape, edge: Edge, found: Landed) -> tuple[int, ...]:
    """An address nobody planned for leads to what its workload does by default."""
    planned = dict(edge.targets)
    return tuple([planned.get(n, shape.home[n]) if n != NOWHERE else NOWHERE for n, _, _ in found])
