"""What the store says that an epoch rests on: pods and their room, and where calls land."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from stratus_sim.application.dynamics.islands import Island, Shape, Stray
from stratus_sim.application.dynamics.lanes import NOWHERE, Landed, spread, widen
from stratus_sim.application.dynamics.plan import Edge, Plan
from stratus_sim.application.routes import Hops, Lane
from stratus_sim.application.routing import Router
from stratus_sim.manifests.application import Workload

MILLI = 1000


class Site(NamedTuple):
    """A lane of a workload now: serving pods, requests per 1,000 s their CPU carries, microseconds a request takes
    alone.

    `slots` are requests it works on at once (None: as CPU allows), `bound` those that may wait; both in thousandths.
    """

    pods: int
    capacity: int
    latency_us: int
    throttled_us: int
    slots: int | None
    bound: int

    def part(self, pods: int) -> Site:
        """So many of its pods."""
        of = max(1, self.pods)
        slots = None if self.slots is None else self.slots * pods // of
        return self._replace(pods=pods, capacity=self.capacity * pods // of, slots=slots, bound=self.bound * pods // of)


Sites = tuple[tuple[Site, ...], ...]
"""By workload the sites of its lanes, one at least."""


class Ground:
    """What an epoch of an island rests on: the island's `lanes` and their `workloads` by workload, and where tries of
    each link have `landed`.

    All else is by numbers of the `wide` shape: `sites` of workloads, by link the `errors` met on the way to where a try
    lands and the `weights` of each, by operation and edge the `targets` these set off (NOWHERE for errors on the way).
    Of operations that are `slotted` a limited number is worked on at once. A ground is `mixed` where a workload has
    several lanes. Equal grounds are one (see `ground_of`).
    """

    __slots__ = ("errors", "landed", "lanes", "mixed", "sites", "slotted", "targets", "weights", "wide")

    def __init__(self, shape: Shape, lanes: Sites, landed: tuple[Landed, ...]) -> None:
        self.lanes, self.landed, self.wide = lanes, landed, widen(shape, tuple(map(len, lanes)))
        wide = self.wide.shape
        if wide is not shape:
            pods = [[site.pods for site in sites] for sites in lanes]
            landed = tuple([spread(found, self.wide, pods) for found in landed])
        self.sites, self.mixed = tuple(chain.from_iterable(lanes)), wide is not shape
        self.errors = tuple([tuple([error for _, error, _ in found]) for found in landed])
        self.weights = tuple([tuple([weight for _, _, weight in found]) for found in landed])
        self.targets = tuple(
            [tuple([_targets(wide, edge, landed[edge.link]) for edge in op.edges]) for op in wide.operations]
        )
        slotted = [of for of, site in zip(wide.siblings, self.sites, strict=True) if site.slots is not None]
        self.slotted = tuple(sorted([operation for of in slotted for operation in of]))


@lru_cache(maxsize=4096)
def ground_of(shape: Shape, lanes: Sites, landed: tuple[Landed, ...]) -> Ground:
    """The ground of these sites and landings."""
    return Ground(shape, lanes, landed)


def sites(router: Router, name: str) -> tuple[Site, ...]:
    """A workload at this instant, by lane."""
    application, workload = router.application, router.application.workloads[name]
    waiting = application.traffic.queue if workload.queue is None else workload.queue
    return tuple([_site(workload, waiting, lane) for lane in router.serving[name].lanes])


def _site(workload: Workload, waiting: int, lane: Lane) -> Site:
    pods = len(lane.pods)
    slots = None if workload.concurrency is None else MILLI * pods * workload.concurrency
    capacity = lane.millicores * 1_000_000 // max(1, workload.cpu_us_per_request)
    return Site(pods, capacity, workload.latency_us, lane.throttled_us, slots, MILLI * pods * waiting)


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
