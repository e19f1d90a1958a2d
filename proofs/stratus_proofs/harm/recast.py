"""Shortest runs, cast for the stage: labels become agents by their roles, fields, sizes, jobs and hours."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from stratus_spec import Reversibility, Role
from stratus_spec.sorts import ACTION, AGENT, reversibility, role_of

from ..reachable.decoding import Trace
from .crew import NOBODY, Call, Job
from .kinds import SECOND_US
from .reenact import struck
from .scenes import BOUNDS, DELETION, REPAIR, STRUCK, WRONG, Reading, Scene

UNIT_US = 300 * SECOND_US
"""What one tick of a shortest run stands for."""
SIZES = {"profile": (0, 3), "geo": (1, 3, 0)}
"""Values that a field may be cast to, beside the one it has."""
FIELDS = ("field0", "field1")
"""The fields of a run found in scope."""


@dataclass(frozen=True)
class Recast:
    """A shortest run for `prop` as calls on a scene's fields."""

    prop: str
    scene: Scene
    calls: tuple[Call, ...]


def recasts(traces: Iterable[Trace]) -> Iterator[Recast]:
    """Every casting of every run, shorter runs first, with a fault standing and without."""
    for trace in sorted(traces, key=lambda trace: (len(trace.steps), trace.prop)):
        for faults, names in itertools.product((STRUCK, ()), itertools.permutations(SIZES)):
            fields = dict(zip(FIELDS, names, strict=True))
            for values, reading in itertools.product(_values(trace, fields, faults), _readings(trace)):
                yield _cast(trace, fields, values, Scene(faults, (REPAIR,), reading, _usual(reading)))


def _values(trace: Trace, fields: Mapping[str, str], faults: tuple[str, ...]) -> Iterator[dict[tuple[str, Any], Any]]:
    """What values stand for, field by field: the first one is what is there."""
    writes = [step.params for step in trace.steps if {"f", "v"} <= step.params.keys()]
    used: list[tuple[str, Any]] = list(dict.fromkeys((params["f"], params["v"]) for params in writes))
    there = struck(faults).configuration
    start = {(f, trace.initial["c"][f]): there[name] for f, name in fields.items()}
    new = [pair for pair in used if pair not in start]
    for sizes in itertools.product(*(SIZES[fields[f]] for f, _ in new)):
        if all(size != there[fields[f]] for (f, _), size in zip(new, sizes, strict=True)):
            yield start | dict(zip(new, sizes, strict=True))


def _readings(trace: Trace) -> Iterator[Reading]:
    """The run's own bounds; but first with room for a repair in every action."""
    bounds = {name: value for name, value in trace.constants.items() if isinstance(value, int)}
    bounds["window_us"] *= UNIT_US
    if bounds["max_steps"] < BOUNDS["max_steps"]:
        yield Reading({**bounds, "max_steps": BOUNDS["max_steps"]})
    yield Reading(bounds)


def _usual(reading: Reading) -> Reading:
    """What the whole specification makes of a run's bounds: those its axioms do not allow are the ordinary ones."""
    return Reading({name: value if value > 0 else BOUNDS[name] for name, value in reading.constants.items()})


def _cast(trace: Trace, fields: Mapping[str, str], values: Mapping[tuple[str, Any], Any], scene: Scene) -> Recast:
    agents, jobs = _agents(trace), _jobs(trace, fields, values)
    start = trace.initial["now"]

    def argument(name: str, value: Any, params: Mapping[str, Any]) -> Any:
        if name == "v":
            return values[params["f"], value]
        if name == "t":
            return (value - start) * UNIT_US
        return {"a": agents, "f": fields, "x": jobs}.get(name, {}).get(value, value)

    calls = (
        Call(step.transition, {name: argument(name, value, step.params) for name, value in step.params.items()})
        for step in trace.steps
    )
    return Recast(trace.prop, scene, tuple(calls))


def _agents(trace: Trace) -> dict[Any, str]:
    """Names by role; a second agent of a role is told by a number."""
    found = {trace.constants["nobody"]: NOBODY}
    for step in trace.steps:
        agent = step.params.get("a")
        if agent is not None and agent not in found:
            role = _known(trace, role_of, AGENT, agent)
            name = "stranger" if role == Role.BYSTANDER else str(role)
            alike = sum(other.startswith(name) for other in found.values())
            found[agent] = f"{name} {alike + 1}" if alike else name
    return found


def _jobs(trace: Trace, fields: Mapping[str, str], values: Mapping[tuple[str, Any], Any]) -> dict[Any, Job]:
    """What an action does is what is sent while it is the latest one."""
    found: dict[Any, Job] = {}
    writes: dict[Any, dict[str, Any]] = {}
    for step in trace.steps:
        if step.transition == "act":
            writes.setdefault(step.params["x"], {})
        elif step.transition == "send" and step.state["action"] in writes:
            name = step.params["f"]
            writes[step.state["action"]][fields[name]] = values[name, step.params["v"]]
    for action, sent in writes.items():
        mild = _known(trace, reversibility, ACTION, action) == Reversibility.REVERSIBLE
        job = Job("scale", "Deployment", tuple(sent.items())) if sent else WRONG
        found[action] = job if mild else DELETION
    return found


def _known(trace: Trace, function: Any, sort: Any, argument: Any) -> Any:
    term = function(z3.Const("argument", sort))
    return trace.interpreter.evaluate(term, trace.initial, bindings={"argument": argument})
