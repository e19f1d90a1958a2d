"""What epochs rest on, read from the store again only where that has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import is_
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.answers import behaviours
from stratus_sim.application.behaviours.registry import Behaviour
from stratus_sim.application.dynamics.ground import Ground, ground_of, landed, sites, strays
from stratus_sim.application.dynamics.islands import Island, Stray, islands_of, standing_on
from stratus_sim.application.dynamics.plan import Plan, plan_of
from stratus_sim.application.routes import Hops, Landings, Read, Routes
from stratus_sim.application.routing import Router, sources
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.manifests.application import Application

if TYPE_CHECKING:
    from stratus_sim.world import World


class Way(NamedTuple):
    """Where tries of a link land, which of them go astray, and what this was read from."""

    hops: Hops
    strays: tuple[Stray, ...]
    read: Read


class Found(NamedTuple):
    """The ground found on an island, and the ways of its links."""

    ground: Ground
    ways: tuple[Way, ...]

    @property
    def steady(self) -> bool:
        """Whether it is the same until something stirs that it was read from."""
        return all(way.read.steady for way in self.ways)


class Survey(NamedTuple):
    """What was read of each island there is when no call goes astray, by place.

    `readers` are the islands to look at again when an object stirs, and maybe more; `unsteady` those to look at in any
    case, `astray` those whose calls go astray, `mixed` those with a workload whose pods do not work alike.
    """

    found: Sequence[Found]
    grounds: Sequence[Ground]
    readers: Mapping[ObjectKey, frozenset[int]] = {}
    unsteady: frozenset[int] = frozenset()
    astray: frozenset[int] = frozenset()
    mixed: frozenset[int] = frozenset()


class Footing(NamedTuple):
    """What epochs rest on as long as the store stays at `version`: `islands` and the `grounds` of each, `mixed` where a
    workload has several lanes, and the `routes` that were read for them.

    It is found again, by a `survey`, rather than sent elsewhere.
    """

    version: int
    application: Application
    islands: tuple[Island, ...]
    grounds: Sequence[Ground]
    mixed: frozenset[int]
    routes: Routes
    strays: frozenset[Stray]
    survey: Survey
    behaviours: Mapping[str, Behaviour]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: behaviours are any function, also one that cannot be pickled."""
        return type(None), ()


def footing(world: World) -> Footing:
    """The footing at this instant."""
    traffic, known = world.traffic, world.traffic.footing
    if known is None or known.version != world.store.version or traffic.routes is None:
        usable = known is not None and traffic.routes is not None and known.application is world.application
        traffic.footing = known = _footing(world, known.survey if known is not None and usable else None)
    elif known.behaviours is not (found := behaviours(world)):
        traffic.footing = known = known._replace(behaviours=found)
    return known


def _footing(world: World, before: Survey | None) -> Footing:
    version, application = world.store.version, world.application
    router, islands = Router(world, plan_of(application).keys), islands_of(application)
    found = _survey(router, islands, before)
    world.traffic.routes = routes = router.routes()
    if not found.astray:
        return Footing(
            version, application, islands, found.grounds, found.mixed, routes, frozenset(), found, behaviours(world)
        )
    astray = frozenset([stray for place in found.astray for way in found.found[place].ways for stray in way.strays])
    joined = islands_of(application, astray)
    grounds = _joined(joined, islands, found.found)
    mixed = frozenset([place for place, ground in enumerate(grounds) if ground.mixed])
    return Footing(version, application, joined, grounds, mixed, routes, astray, found, behaviours(world))


def _survey(router: Router, islands: tuple[Island, ...], before: Survey | None) -> Survey:
    """The islands as they are now, of which those are looked at that may be others than before."""
    places = None if before is None else _stirred(router, before)
    if before is None or places is None:
        known = repeat(None) if before is None else before.found
        found = [_find(router, island, old) for island, old in zip(islands, known, strict=False)]
        return _noted(Survey(found, [one.ground for one in found]), range(len(islands)))
    found, grounds, changed = list(before.found), list(before.grounds), []
    for place in places:
        one = _find(router, islands[place], found[place])
        if one is not found[place]:
            found[place], grounds[place] = one, one.ground
            changed.append(place)
    return _noted(before._replace(found=found, grounds=grounds), changed)


def _stirred(router: Router, before: Survey) -> Iterable[int] | None:
    """Islands that may be others than before; None where that is not known."""
    if router.stirred is None:
        return None
    if not router.steady:
        return range(len(before.found))
    standing, readers = standing_on(router.application), before.readers
    places = {standing[name] for name in router.altered}.union(before.unsteady)
    return sorted(places.union(*[readers[key] for key in router.stirred if key in readers]))


def _noted(survey: Survey, changed: Iterable[int]) -> Survey:
    """The survey with notes on islands that were found to have changed."""
    readers, unsteady = dict(survey.readers), set(survey.unsteady)
    astray, mixed = set(survey.astray), set(survey.mixed)
    nobody = frozenset[int]()
    for place in changed:
        found = survey.found[place]
        for key in [key for way in found.ways for key in sources(way.read)]:
            known = readers.get(key, nobody)
            if place not in known:
                readers[key] = known | {place}
        (unsteady.discard if found.steady else unsteady.add)(place)
        (astray.add if any(way.strays for way in found.ways) else astray.discard)(place)
        (mixed.add if found.ground.mixed else mixed.discard)(place)
    return Survey(survey.found, survey.grounds, readers, frozenset(unsteady), frozenset(astray), frozenset(mixed))


def _find(router: Router, island: Island, before: Found | None) -> Found:
    """An island as it is now; what it was is looked at before anything is read again."""
    plan, links = island.plan, island.links
    if before is None:
        ways = tuple([_way(router, plan, link, {}) for link in links])
    else:
        known = zip(links, before.ways, strict=True)
        ways = tuple([_way_again(router, plan, link, way) for link, way in known])
        if all(map(is_, ways, before.ways)) and router.altered.isdisjoint(island.names):
            return before
    found = tuple([sites(router, name) for name in island.names])
    return Found(ground_of(island.shape, found, tuple([landed(island, way.hops) for way in ways])), ways)


def _way_again(router: Router, plan: Plan, link: int, way: Way) -> Way:
    lasting = router.lasting(way.read)
    return way if router.lasts(way.read, lasting) else _way(router, plan, link, lasting)


def _way(router: Router, plan: Plan, link: int, known: Landings) -> Way:
    router.begin_reading(known)
    client = plan.links[link]
    hops = router.enter(client.service) if client.call is None else router.call(client.call)
    return Way(hops, tuple(strays(plan, link, hops)), router.read(client.source))


def _joined(joined: tuple[Island, ...], islands: tuple[Island, ...], found: Sequence[Found]) -> list[Ground]:
    """The grounds of islands that some who go astray have made one."""
    apart = list(zip(islands, found, strict=True))
    lanes = {n: one for i, part in apart for n, one in zip(i.workloads, part.ground.lanes, strict=True)}
    hops = {link: way.hops for island, part in apart for link, way in zip(island.links, part.ways, strict=True)}
    return [
        ground_of(i.shape, tuple([lanes[n] for n in i.workloads]), tuple([landed(i, hops[n]) for n in i.links]))
        for i in joined
    ]
