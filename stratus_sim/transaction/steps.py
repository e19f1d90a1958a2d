"""From records to steps of the specification: the one place that says which steps a record stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from stratus_sim.cluster.actions import Action, InvalidAction
from stratus_sim.cluster.conditions import subject
from stratus_sim.transaction import records as r
from stratus_spec import SpecViolation, State

Step = tuple[str, dict[str, Any]]

_BY_THE_MACHINE = frozenset(
    {"start", "approve", "reject", "resolve", "again", "escalate", "expire", "crash"}
)  # steps that nobody takes, and that need no parameter
_BY_A_READER = frozenset({"localise", "all_clear", "give_up"})
_BY_THE_HOLDER = frozenset({"begin", "submit", "commit", "abort"})
_GRANTS = frozenset({"acquire", "take_over"})


def steps_of(record: r.Record, state: State) -> Iterator[Step]:
    """The steps a record stands for, taken from `state`.

    Raises:
        SpecViolation: a grant is not newer than the latest one, or the record is not one of a step or an action.
    """
    return _STEPS[type(record)](record, state)


def _ticked(record: r.Ticked, _state: State) -> Iterator[Step]:
    yield "tick", {"t": record.now_us}


def _observed(record: r.Observed, state: State) -> Iterator[Step]:
    yield "tick", {"t": record.now_us}
    measured = {"live": record.live, "shadow": record.shadow, "healthy": record.healthy}
    on = {"live_configuration": state["c"], "shadow_configuration": state["sigma"]}
    yield "drift", {"e2": replace(state["e"], **measured, **on)}


def _foreign(record: r.Foreign, _state: State) -> Iterator[Step]:
    for write in record.writes:
        yield "foreign", {"f": write.field, "v": write.after}


def _granted(record: r.Granted, state: State) -> Iterator[Step]:
    """Tokens that were skipped went to agents we have not heard of, whose leases are over."""
    if record.step not in _GRANTS:
        raise SpecViolation(record.step, ("unknown",), {}, state["phase"])
    unseen = record.token - state["token"] - 1
    if unseen < 0:
        raise SpecViolation(record.step, ("fresh_token",), {"token": record.token}, state["phase"])
    for _ in range(unseen):
        yield record.step, {"a": record.agent}
        yield "expire", {}
    yield record.step, {"a": record.agent}


def _acted(record: r.Acted, state: State) -> Iterator[Step]:
    action, grant = _action(record, state), _grant(record)
    yield "drift", {"e2": replace(state["e"], permitted=action if record.permitted else None)}
    yield "act", {**grant, "x": action}
    for write in record.writes:
        yield "journal", {**grant, "f": write.field}


def _action(record: r.Acted, state: State) -> Action:
    """What was done, to an object the catalogue can classify it by."""
    try:
        action = Action.from_json(record.action)
        subject(action)
    except InvalidAction as error:
        raise SpecViolation("act", ("action",), {"error": str(error)}, state["phase"]) from None
    return action


def _applied(record: r.Applied, state: State) -> Iterator[Step]:
    grant = _grant(record)
    for request, write in enumerate(record.writes, start=state["sent"]):
        yield "send", {**grant, "f": write.field, "v": write.after}
        yield "land", {"i": request}
    yield "complete", grant


def _undone(record: r.Undone, state: State) -> Iterator[Step]:
    """What was put back was put back before the record was written; entries that hold already are dropped alone."""
    for index, step in zip(count(state["depth"] - 1, -1), record.steps, strict=False):
        if step not in ("pop", "skip"):
            raise SpecViolation(step, ("unknown",), {}, "undo")
        field, before = state["entry_field"][index], state["entry_before"][index]
        if step == "pop" and state["c"][field] != before:
            yield "restore", _grant(record)
        yield step, _grant(record)


def _moved(record: r.Moved, state: State) -> Iterator[Step]:
    if record.step in _BY_THE_MACHINE:
        yield record.step, {}
    elif record.step in _BY_A_READER:
        yield record.step, {"a": record.agent}
    elif record.step in _BY_THE_HOLDER:
        yield record.step, _grant(record)
    else:
        raise SpecViolation(record.step, ("unknown",), {}, state["phase"])


def _header(_record: r.Header, state: State) -> Iterator[Step]:
    raise SpecViolation("initial", ("first_record",), {}, state["phase"])


def _grant(record: Any) -> dict[str, Any]:
    return {"a": record.agent, "tok": record.token}


_STEPS: dict[type[r.Record], Callable[[Any, State], Iterator[Step]]] = {
    r.Header: _header,
    r.Ticked: _ticked,
    r.Observed: _observed,
    r.Foreign: _foreign,
    r.Granted: _granted,
    r.Acted: _acted,
    r.Applied: _applied,
    r.Undone: _undone,
    r.Moved: _moved,
}
