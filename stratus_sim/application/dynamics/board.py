"""The flows of all islands together, put together again only where they have changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.dynamics.forward import Scene
from stratus_sim.application.dynamics.islands import Island
from stratus_sim.application.dynamics.plan import plan_of
from stratus_sim.application.dynamics.state import Outcome
from stratus_sim.application.dynamics.step import work_out
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow

if TYPE_CHECKING:
    from stratus_sim.world import World


class Board(NamedTuple):
    """What was seen last: where `users` made so many requests, of each of these `islands` a scene, what came of it, and
    the flows of all of them. `places` are those of entries by their link."""

    islands: tuple[Island, ...]
    users: tuple[int, ...]
    scenes: Sequence[Scene]
    outcomes: Sequence[Outcome]
    flows: Flows
    places: dict[int, int]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: it is put together again rather than sent elsewhere."""
        return type(None), ()


def look(world: World, islands: tuple[Island, ...], scenes: Sequence[Scene], users: tuple[int, ...]) -> Board:
    """What comes of these scenes of islands, and the flows that show it."""
    board = world.traffic.board
    if board is None or board.islands is not islands:
        return _first(world, islands, scenes, users)
    pairs = zip(board.scenes, scenes, board.outcomes, strict=True)
    outcomes = [seen if old is new else work_out(new) for old, new, seen in pairs]
    changed = [new for old, new in zip(board.outcomes, outcomes, strict=True) if old is not new]
    flows = _changed(board, changed) if changed else board.flows
    return board._replace(users=users, scenes=scenes, outcomes=outcomes, flows=flows)


def _first(world: World, islands: tuple[Island, ...], scenes: Sequence[Scene], users: tuple[int, ...]) -> Board:
    plan, outcomes = plan_of(world.application), [work_out(scene) for scene in scenes]
    workloads = {name: flow for outcome in outcomes for name, flow in outcome.workloads.items()}
    calls = dict([pair for outcome in outcomes for pair in outcome.calls])
    entries = dict([pair for outcome in outcomes for pair in outcome.entries])
    flows = Flows(
        {name: workloads[name] for name in plan.workloads},
        tuple([calls[place] for place in sorted(calls)]),
        tuple([entries[link] for link in sorted(entries)]),
    )
    return Board(islands, users, scenes, outcomes, flows, {link: place for place, link in enumerate(sorted(entries))})


def _changed(board: Board, outcomes: list[Outcome]) -> Flows:
    workloads: dict[str, WorkloadFlow] = dict(board.flows.workloads)
    calls: list[CallFlow] = [*board.flows.calls]
    entries: list[EntryFlow] = [*board.flows.entries]
    for outcome in outcomes:
        workloads.update(outcome.workloads)
        for place, call in outcome.calls:
            calls[place] = call
        for link, entry in outcome.entries:
            entries[board.places[link]] = entry
    return Flows(workloads, tuple(calls), tuple(entries))
