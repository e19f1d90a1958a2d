"""What the store says that an epoch rests on: pods and their room, and where calls land."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.dynamics.plan import Edge, Link, Plan
from stratus_sim.application.routes import Hop
from stratus_sim.application.routing import Router
from stratus_sim.manifests.application import Workload
from stratus_sim.manifests.traffic import DEFAULT_QUEUE

if TYPE_CHECKING:
    from stratus_sim.world import World

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


class Ground(NamedTuple):
    """What an epoch rests on, by number in the plan: `sites` of workloads, by link the `hops` where a try lands and the
    `weights` of each, and by operation and edge the operations these set off (NOWHERE for errors on the way)."""

    sites: tuple[Site, ...]
    hops: tuple[tuple[Hop, ...], ...]
    weights: tuple[tuple[int, ...], ...]
    targets: tuple[tuple[tuple[int, ...], ...], ...]


def survey(world: World, plan: Plan, router: Router) -> Ground:
    """The ground at this instant; it changes only with the store."""
    workloads = [world.application.workloads[name] for name in plan.workloads]
    landings = [_hops(router, link) for link in plan.links]
    hops = tuple(tuple(found) for found in landings)
    return Ground(
        tuple(_site(router, workload) for workload in workloads),
        hops,
        tuple(tuple(found.values()) for found in landings),
        tuple(tuple(_targets(plan, edge, hops[edge.link]) for edge in o.edges) for o in plan.operations),
    )


def _targets(plan: Plan, edge: Edge, hops: tuple[Hop, ...]) -> tuple[int, ...]:
    """An address nobody planned for leads to what its workload does by default."""
    return tuple(edge.targets.get(hop.workload) or plan.home.get(hop.workload, NOWHERE) for hop in hops)


def _site(router: Router, workload: Workload) -> Site:
    name, pods = workload.key, router.pods(workload.key)
    slots = None if workload.concurrency is None else MILLI * pods * workload.concurrency
    waiting = DEFAULT_QUEUE if workload.queue is None else workload.queue
    busy_us = router.throttled_us(name)
    return Site(pods, router.capacity(name), workload.latency_us, busy_us, slots, MILLI * pods * waiting)


def _hops(router: Router, link: Link) -> dict[Hop, int]:
    return dict(router.enter(link.service) if link.call is None else router.call(link.call))
