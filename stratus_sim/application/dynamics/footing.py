"""What epochs rest on, read from the store again only where that has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import repeat
from operator import is_
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.answers import behaviours
from stratus_sim.application.behaviours.registry import Behaviour
from stratus_sim.application.dynamics.ground import Ground, Landed, ground_of, landed, site, strays
from stratus_sim.application.dynamics.islands import Island, Stray, islands_of
from stratus_sim.application.dynamics.plan import Plan, plan_of
from stratus_sim.application.routes import Read
from stratus_sim.application.routing import Router
from stratus_sim.manifests.application import Application

if TYPE_CHECKING:
    from stratus_sim.world import World


class Way(NamedTuple):
    """Where tries of a link land, which of them go astray, and what this was read from."""

    landed: Landed
    strays: tuple[Stray, ...]
    read: Read


class Found(NamedTuple):
    """The ground found on an island, and the ways of its links."""

    ground: Ground
    ways: tuple[Way, ...]


class Footing(NamedTuple):
    """What epochs rest on as long as the store stays at `version`: `islands` and the `grounds` of each.

    `found` is what was read, by the islands there are when no call goes astray. It is found again rather than sent
    elsewhere.
    """

    version: int
    application: Application
    islands: tuple[Island, ...]
    grounds: tuple[Ground, ...]
    strays: frozenset[Stray]
    found: tuple[Found, ...]
    behaviours: Mapping[str, Behaviour]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: behaviours are any function, also one that cannot be pickled."""
        return type(None), ()


def footing(world: World) -> Footing:
    """The footing at this instant."""
    traffic, known = world.traffic, world.traffic.footing
    if known is None or known.version != world.store.version or traffic.routes is None:
        usable = known is not None and traffic.routes is not None and known.application is world.application
        traffic.footing = known = _survey(world, known.found if known is not None and usable else None)
    elif known.behaviours is not (found := behaviours(world)):
        traffic.footing = known = known._replace(behaviours=found)
    return known


def _survey(world: World, before: tuple[Found, ...] | None) -> Footing:
    application, plan = world.application, plan_of(world.application)
    router, islands = Router(world, plan.keys), islands_of(world.application)
    found = tuple([_find(router, island, old) for island, old in zip(islands, before or repeat(None), strict=False)])
    world.traffic.routes = router.routes()
    astray = frozenset([stray for one in found for way in one.ways for stray in way.strays])
    grounds = tuple([one.ground for one in found])
    if astray:
        islands = islands_of(application, astray)
        grounds = _joined(islands, found)
    return Footing(world.store.version, application, islands, grounds, astray, found, behaviours(world))


def _find(router: Router, island: Island, before: Found | None) -> Found:
    """An island as it is now; what it was is looked at before anything is read again."""
    plan, links = island.plan, island.links
    if before is None:
        ways = tuple([_way(router, plan, link) for link in links])
    else:
        known = zip(links, before.ways, strict=True)
        ways = tuple([way if router.lasts(way.read) else _way(router, plan, link) for link, way in known])
        if all(map(is_, ways, before.ways)) and router.rest(island.names):
            return before
    return Found(
        ground_of(island, tuple([site(router, name) for name in island.names]), tuple([way.landed for way in ways])),
        ways,
    )


def _way(router: Router, plan: Plan, link: int) -> Way:
    router.begin_reading()
    found = landed(router, plan, link)
    return Way(found, tuple(strays(plan, link, found)), router.read(plan.links[link].source))


def _joined(islands: tuple[Island, ...], found: tuple[Found, ...]) -> tuple[Ground, ...]:
    """The grounds of islands that some who go astray have made one."""
    sites = {number: one for part in found for number, one in part.ground.sites.items()}
    links = {number: one for part in found for number, one in part.ground.landed.items()}
    return tuple(
        ground_of(i, tuple([sites[n] for n in i.workloads]), tuple([links[n] for n in i.links])) for i in islands
    )
