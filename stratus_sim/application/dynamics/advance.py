"""Traffic from one epoch to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from stratus_sim.application import answers as answering
from stratus_sim.application.answers import PLAIN, Answers, Manner, Pods
from stratus_sim.application.dynamics import crews, load
from stratus_sim.application.dynamics.board import Board, View, blank, differing, look
from stratus_sim.application.dynamics.course import BEFORE, MANY, Course, part_of
from stratus_sim.application.dynamics.footing import Footing, footing
from stratus_sim.application.dynamics.forward import Conduct
from stratus_sim.application.dynamics.ground import Ground
from stratus_sim.application.dynamics.islands import Island, breaking, islands_of, standing_on
from stratus_sim.application.dynamics.ledger import Ledger, book
from stratus_sim.application.dynamics.plan import plan_of
from stratus_sim.application.dynamics.state import Outcome, Tally
from stratus_sim.application.flow import Flows
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

Courses = tuple[Course, ...]
"""By place of the island, none before the first epoch."""


class Epoch(NamedTuple):
    """An epoch that has been worked out: its flows, and the workloads whose island `changed` in it; who errs, lags and
    is late to answer even a probe; when the next one has to be although nothing happens: at once if `restless`, after
    `again_us` if that is not 0."""

    flows: Flows
    changed: Collection[str]
    erring: frozenset[str]
    slow: frozenset[str]
    late: frozenset[str]
    restless: bool
    again_us: int


def advance(world: World) -> Epoch:
    """Work out the epoch that ends now, and count it."""
    traffic, found = world.traffic, footing(world)
    courses, ledger = _courses(world, found)
    grounds, courses, lined = _lined_up(world, found, courses)
    traffic.courses, traffic.ledger, traffic.crewed, traffic.strays = courses, ledger, lined, found.strays
    answers = _answers(world, found)
    board = _look(world, found, grounds, courses, answers, load.arrivals(world, plan_of(world.application)))
    changed = list(differing(board.counted, board.outcomes))
    moving = _go_on(world, board, {*changed, *lined}, answers, found.routes.serving)
    traffic.board = board._replace(counted=board.outcomes)
    traffic.memory, traffic.asked_us = answering.remembered(traffic.memory, answers), world.now_us
    moving = moving or load.restless(world.application, world.now_us) or answering.restless(answers)
    moving = moving or found.routes.unready
    names = [name for place in changed for name in board.islands[place].names]
    return Epoch(board.flows, names, *_ailing(board), moving, answering.again_us(answers))


def preview(world: World) -> Flows:
    """The flows of the next second if nothing else happens; nothing is counted, nothing drawn."""
    found, until_us = footing(world), world.now_us + SECOND_US
    users = load.means(world, plan_of(world.application), until_us)
    grounds, courses, _ = _lined_up(world, found, _courses(world, found)[0])
    return _look(world, found, grounds, courses, _answers(world, found), users).flows


def _courses(world: World, found: Footing) -> tuple[Courses, Ledger]:
    """How islands go on and what was counted; where others have become one, all accounts are closed."""
    traffic, begun_us = world.traffic, world.now_us - SECOND_US
    if traffic.strays == found.strays:
        return traffic.courses or (BEFORE,) * len(found.islands), traffic.ledger
    old = list(zip(islands_of(world.application, traffic.strays), traffic.courses, strict=False))
    motions = [(island, crews.pooled(island, course)) for island, course in old]
    courses = [Course(None, part_of(motions, island), begun_us) for island in found.islands]
    return tuple(courses), book(traffic.ledger, [(i, *account) for i, c in old for account in c.accounts(begun_us)])


def _lined_up(world: World, found: Footing, courses: Courses) -> tuple[Sequence[Ground], Courses, frozenset[int]]:
    """Grounds and courses with all pods in lanes, and the places where there may be several."""
    traffic = world.traffic
    same = traffic.strays == found.strays
    known = traffic.crewed if same else [place for place, one in enumerate(courses) if one.motion.queues]
    places = found.mixed.union(known)
    if not places:
        return found.grounds, courses, places
    grounds, lined = list(found.grounds), list(courses)
    for place in sorted(places):
        island, serving = found.islands[place], found.routes.serving
        grounds[place], lined[place] = crews.lined_up(island, grounds[place], courses[place], serving)
    return grounds, tuple(lined), places


def _look(
    world: World,
    found: Footing,
    grounds: Sequence[Ground],
    courses: Courses,
    answers: Answers,
    users: tuple[int, ...],
) -> Board:
    """What comes of a second in which users make so many requests of each type."""
    board = world.traffic.board
    if board is None or board.islands is not found.islands:
        board = blank(world.application, found.islands, courses)
    view = View(grounds, courses, users, _conduct(world, found, answers))
    world.traffic.board = seen = look(board, view)
    return seen


def _answers(world: World, found: Footing) -> Answers:
    """What behaviours answer at the rates of the last epoch."""
    return answering.ask(world, found.behaviours, found.routes.serving) if found.behaviours else {}


def _conduct(world: World, ground: Footing, answers: Answers) -> dict[int, Conduct]:
    """By place of the island, how servers answer there that do not all answer plainly."""
    manners = {name: manner for name, answer in answers.items() if (manner := answering.manner_of(answer)) != PLAIN}
    more, links = _more(world, answers), plan_of(world.application).links
    if not manners and not more:
        return {}
    places = standing_on(world.application, ground.strays)
    stirred = {places[name] for name in manners} | {places[links[number].source] for number in more}
    return {place: _conduct_on(ground.islands[place], manners, more) for place in sorted(stirred)}


def _conduct_on(island: Island, manners: Mapping[str, Manner], more: Mapping[int, int]) -> Conduct:
    mine = [(number, manners[name]) for number, name in enumerate(island.names) if name in manners]
    sources = [(link, island.plan.links[number].source) for link, number in enumerate(island.links)]
    told = [(number, manner, {caller for caller, *_ in manner.refused}) for number, manner in mine if manner.refused]
    return Conduct(
        tuple([(number, manner._replace(refused=())) for number, manner in mine]),
        tuple([((n, link), m.seen_by(s)) for n, m, callers in told for link, s in sources if s in callers]),
        tuple([(link, more[number]) for link, number in enumerate(island.links) if number in more]),
    )


def _more(world: World, answers: Answers) -> dict[int, int]:
    """By link to a database: how many calls (thousandths) a request makes once caches have missed."""
    missed = answering.missed_by(world, answers)
    if not missed:
        return {}
    databases = {name for name in answers if answering.is_database(answering.behaviours(world)[name])}
    plan = plan_of(world.application)
    return {
        place: 1000 + round(1000 * missed[link.source])
        for place, link in enumerate(plan.links)
        if link.source in missed and not databases.isdisjoint(plan.reached[place])
    }


def _go_on(world: World, board: Board, changed: Iterable[int], answers: Answers, standing: Pods) -> bool:
    """Count the epoch that ends now; return whether it leaves an island otherwise than it found it."""
    traffic = world.traffic
    booked: list[tuple[Island, Tally, int]] = []
    courses, crewed, moving = list(traffic.courses), set(traffic.crewed), False
    for place in sorted({*changed, *breaking(world.application, traffic.strays)}):
        island, outcome, before = board.islands[place], board.outcomes[place], courses[place]
        found = before.after(island, outcome, world.now_us)
        if found.crews or found.motion.queues or board.view.grounds[place].mixed:
            found = crews.known_again(island, board.view.grounds[place], found, standing)
        (crewed.add if found.crews else crewed.discard)(place)
        if len(found.past) > MANY:
            booked += [(island, *account) for account in found.past]
            found = replace(found, past=())
        courses[place] = found
        moving = moving or found.moves(before)
        if answers and not moving and not answers.keys().isdisjoint(island.names):
            moving = _offers_otherwise(before.outcome, outcome)
    traffic.courses, traffic.ledger = tuple(courses), book(traffic.ledger, booked)
    traffic.crewed = frozenset(crewed)
    return moving


def _offers_otherwise(before: Outcome | None, now: Outcome) -> bool:
    """Whether behaviours are to be asked again, because others came to their servers than they were told."""
    if before is None:
        return True
    if any(was.rate != flow.rate for was, flow in zip(before.workloads, now.workloads, strict=True)):
        return True
    return any(was[:2] != flow[:2] for was, flow in zip(before.links, now.links, strict=True))


def _ailing(board: Board) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Who errs, lags and is late."""
    ill = [(board.islands[place].labels, outcome) for place, outcome in board.ailing.items()]
    return (
        frozenset([labels[at] for labels, outcome in ill for at in outcome.erring]),
        frozenset([labels[at] for labels, outcome in ill for at in outcome.slow]),
        frozenset([labels[at] for labels, outcome in ill for at in outcome.late]),
    )
