"""Traffic from one epoch to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from immutables import Map
from msgspec.structs import replace

from stratus_sim.application import answers as answering
from stratus_sim.application.answers import PLAIN, Answers, Manner
from stratus_sim.application.dynamics import load
from stratus_sim.application.dynamics.board import Board, look
from stratus_sim.application.dynamics.course import BEFORE, MANY, Course, part_of
from stratus_sim.application.dynamics.footing import Footing, footing
from stratus_sim.application.dynamics.forward import Scene
from stratus_sim.application.dynamics.ledger import Ledger, book
from stratus_sim.application.dynamics.plan import plan_of
from stratus_sim.application.dynamics.state import Outcome, Tally
from stratus_sim.application.flow import Flows
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

_T = TypeVar("_T")
Courses = Map[int, Course]
"""By number of the island."""


class Epoch(NamedTuple):
    """An epoch that has been worked out: its flows, who errs and lags in it, and when the next one has to be although
    nothing happens: at once if `restless`, after `again_us` if that is not 0."""

    flows: Flows
    erring: frozenset[str]
    slow: frozenset[str]
    restless: bool
    again_us: int


def advance(world: World) -> Epoch:
    """Work out the epoch that ends now, and count it."""
    traffic, ground = world.traffic, footing(world)
    traffic.courses, traffic.ledger = _courses(world, ground)
    traffic.strays = ground.strays
    answers = _answers(world, ground)
    board = _look(world, ground, answers, load.arrivals(world, plan_of(world.application)))
    moving = _go_on(world, ground, board.outcomes, answers)
    traffic.memory, traffic.asked_us = answering.remembered(traffic.memory, answers), world.now_us
    moving = moving or load.restless(world.application, world.now_us) or answering.restless(answers)
    erring = frozenset([name for outcome in board.outcomes for name in outcome.erring])
    slow = frozenset([name for outcome in board.outcomes for name in outcome.slow])
    return Epoch(board.flows, erring, slow, moving, answering.again_us(answers))


def preview(world: World) -> Flows:
    """The flows of the next second if nothing else happens; nothing is counted, nothing drawn."""
    ground, until_us = footing(world), world.now_us + SECOND_US
    users = load.means(world, plan_of(world.application), until_us)
    return _look(world, ground, _answers(world, ground), users).flows


def _courses(world: World, ground: Footing) -> tuple[Courses, Ledger]:
    """How islands go on and what was counted; where others have become one, all accounts are closed."""
    traffic, begun_us = world.traffic, world.now_us - SECOND_US
    if traffic.strays == ground.strays:
        return traffic.courses, traffic.ledger
    old = [traffic.courses[number] for number in sorted(traffic.courses)]
    motions = [course.motion for course in old]
    courses = {island.number: Course(None, part_of(motions, island), begun_us) for island in ground.islands}
    return Map(courses), book(traffic.ledger, [account for course in old for account in course.accounts(begun_us)])


def _look(world: World, ground: Footing, answers: Answers, users: tuple[int, ...]) -> Board:
    """What comes of a second in which users make so many requests of each type."""
    islands, grounds, board = ground.islands, ground.grounds, world.traffic.board
    courses, _ = _courses(world, ground)
    motions = [courses.get(island.number, BEFORE).motion for island in islands]
    manners, more = _manners(world, answers), _more(world, answers)

    def scene(place: int) -> Scene:
        island, behaving = islands[place], (_of(manners, islands[place].workloads), _of(more, islands[place].links))
        mine = tuple([users[operation] for operation in island.asking])
        return Scene(island, grounds[place], *behaving, motions[place], mine)

    if manners or more or board is None or board.islands is not islands or board.users is not users:
        scenes = [scene(place) for place in range(len(islands))]
    else:
        known = enumerate(zip(board.scenes, grounds, motions, strict=True))
        scenes = [old if old.lasts(below, motion) else scene(place) for place, (old, below, motion) in known]
    world.traffic.board = seen = look(world, islands, scenes, users)
    return seen


def _of(found: Mapping[int, _T], mine: tuple[int, ...]) -> tuple[tuple[int, _T], ...]:
    return tuple([(number, found[number]) for number in mine if number in found]) if found else ()


def _answers(world: World, ground: Footing) -> Answers:
    """What behaviours answer at the rates of the last epoch."""
    routes = world.traffic.routes
    if not ground.behaviours or routes is None:
        return {}
    rates = dict.fromkeys(world.application.workloads, 0)
    for course in world.traffic.courses.values():
        flows = course.outcome.workloads if course.outcome is not None else {}
        rates.update({name: flow.rate for name, flow in flows.items()})
    return answering.ask(world, ground.behaviours, routes.serving, rates)


def _manners(world: World, answers: Answers) -> dict[int, Manner]:
    """How workloads answer that do not answer plainly, by number."""
    number = plan_of(world.application).number
    found = {number[name]: answering.manner_of(answer) for name, answer in answers.items()}
    return {place: manner for place, manner in found.items() if manner != PLAIN}


def _more(world: World, answers: Answers) -> dict[int, int]:
    """By link to a database: how many calls (thousandths) a request makes once caches have missed."""
    missed = answering.missed_by(world.application, answers)
    if not missed:
        return {}
    databases = {name for name in answers if answering.is_database(answering.behaviours(world)[name])}
    plan = plan_of(world.application)
    return {
        place: 1000 + round(1000 * missed[link.source])
        for place, link in enumerate(plan.links)
        if link.source in missed and not databases.isdisjoint(plan.reached[place])
    }


def _go_on(world: World, ground: Footing, outcomes: Sequence[Outcome], answers: Answers) -> bool:
    """Count the epoch that ends now; return whether it leaves an island otherwise than it found it."""
    traffic = world.traffic
    booked: list[tuple[Tally, int]] = []
    courses, moving = traffic.courses.mutate(), False
    for island, outcome in zip(ground.islands, outcomes, strict=True):
        before = traffic.courses.get(island.number, BEFORE)
        if outcome is before.outcome and not island.broken:
            continue
        found = before.after(island, outcome, world.now_us)
        if len(found.past) > MANY:
            booked += found.past
            found = replace(found, past=())
        courses[island.number] = found
        moving = (
            moving
            or found.moves(before)
            or (_offers_otherwise(before.outcome, outcome) and not answers.keys().isdisjoint(island.names))
        )
    traffic.courses, traffic.ledger = courses.finish(), book(traffic.ledger, booked)
    return moving


def _offers_otherwise(before: Outcome | None, now: Outcome) -> bool:
    """Whether behaviours are to be asked again, because others came to their servers than they were told."""
    if before is None:
        return True
    return any(flow.rate != before.workloads[name].rate for name, flow in now.workloads.items())
