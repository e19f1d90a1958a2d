"""What is seen of every island, and the flows of all of them, put together again only where they have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, count
from operator import is_not
from typing import NamedTuple

from stratus_sim.application.dynamics.course import Course
from stratus_sim.application.dynamics.forward import PLAINLY, Conduct, Scene
from stratus_sim.application.dynamics.ground import Ground
from stratus_sim.application.dynamics.islands import Island
from stratus_sim.application.dynamics.state import STILL, Outcome, Tally
from stratus_sim.application.dynamics.step import work_out
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow
from stratus_sim.manifests.application import Application


class View(NamedTuple):
    """A second as scenes have it: `grounds` and `courses` by island, the requests of `users` by type, and the conduct
    of servers by place of the island, of those that do not answer plainly."""

    grounds: Sequence[Ground]
    courses: Sequence[Course]
    users: tuple[int, ...]
    conduct: Mapping[int, Conduct]


class Board(NamedTuple):
    """What was seen last: in this `view` of these `islands` a scene of each, what came of it, and the flows of all.

    `counted` are the outcomes of the last epoch, `ailing` those in which something errs, lags or is late, by place;
    `entries` are places of the flows of users by link.
    """

    islands: tuple[Island, ...]
    view: View
    scenes: Sequence[Scene | None]
    outcomes: Sequence[Outcome]
    counted: Sequence[Outcome | None]
    flows: Flows
    ailing: Mapping[int, Outcome]
    entries: Mapping[int, int]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: it is put together again rather than sent elsewhere."""
        return type(None), ()


_UNSEEN = Outcome(STILL, Tally((), (), ()), (), (), (), (), (), (), ())


def look(board: Board, view: View) -> Board:
    """The board once the islands were looked at in another view."""
    scenes, outcomes, changed, known = list(board.scenes), list(board.outcomes), [], board.view.courses
    for place in _stirred(board.view, view):
        scene = _scene(board.islands[place], place, view)
        others = bool(known) and known[place].crews != view.courses[place].crews
        if scene != scenes[place] or others:
            scenes[place], outcome = scene, work_out(scene)
            if outcome is not outcomes[place] or others:
                outcomes[place] = outcome
                changed.append(place)
    board = board._replace(view=view, scenes=scenes, outcomes=outcomes)
    return _shown(board, changed) if changed else board


def blank(application: Application, islands: tuple[Island, ...], courses: Sequence[Course]) -> Board:
    """A board on which nothing was seen yet of islands that go on so."""
    links = islands[0].plan.links if islands else ()
    entries = [number for number, link in enumerate(links) if link.call is None]
    flows = Flows(
        dict.fromkeys(sorted(application.workloads), WorkloadFlow(0, 0, 0, 0, 0)),
        tuple([CallFlow(call, 0, 0, 0, "") for call in application.calls]),
        tuple([EntryFlow(links[number].service, 0, 0, 0, "") for number in entries]),
    )
    unseen: View = View((), (), (), {})
    counted = [course.outcome for course in courses]
    return Board(
        islands,
        unseen,
        [None] * len(islands),
        [_UNSEEN] * len(islands),
        counted,
        flows,
        {},
        {link: at for at, link in enumerate(entries)},
    )


def differing(before: Sequence[object], now: Sequence[object]) -> Iterator[int]:
    """The places where two sequences do not hold the same object."""
    return compress(count(), map(is_not, before, now))


def _stirred(before: View, now: View) -> Iterable[int]:
    if before.users != now.users or len(before.grounds) != len(now.grounds):
        return range(len(now.grounds))
    places = {*differing(before.grounds, now.grounds), *differing(before.courses, now.courses)}
    return sorted(places.union(before.conduct, now.conduct))


def _scene(island: Island, place: int, view: View) -> Scene:
    users = tuple([view.users[island.operations[o]] for o in island.shape.asking])
    return Scene(view.grounds[place], view.conduct.get(place, PLAINLY), view.courses[place].motion, users)


def _shown(board: Board, changed: list[int]) -> Board:
    """The board with the flows of islands that have changed."""
    workloads, calls, entries = dict(board.flows.workloads), [*board.flows.calls], [*board.flows.entries]
    ailing, lanes = dict(board.ailing), dict(board.flows.lanes)
    for place in changed:
        island, outcome = board.islands[place], board.outcomes[place]
        workloads.update(zip(island.names, outcome.workloads, strict=True))
        for name in lanes.keys() & {*island.names}:
            del lanes[name]
        crews = dict(board.view.courses[place].crews)
        lanes |= {island.names[n]: tuple(zip(crews[n], flows, strict=True)) for n, flows in outcome.lanes}
        for at, link in island.calls:
            calls[at] = CallFlow(calls[at].call, *outcome.links[link])
        for link in island.shape.entries:
            at = board.entries[island.links[link]]
            entries[at] = EntryFlow(entries[at].service, *outcome.links[link])
        ailing.pop(place, None)
        if outcome.erring or outcome.slow or outcome.late:
            ailing[place] = outcome
    return board._replace(flows=Flows(workloads, tuple(calls), tuple(entries), lanes), ailing=ailing)
