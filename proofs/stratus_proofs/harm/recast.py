"""Shortest runs, cast for the stage: labels become agents by their roles, fields, sizes, jobs and hours."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stratus_spec import Role
from stratus_spec.sorts import role_of
from stratus_spec.transitions import a, may_run, x

from ..reachable.decoding import Trace
from .crew import GONE, NOBODY, Call, Job
from .interpretation import BOUNDS, Interpretation
from .kinds import SECOND_US
from .scenes import DELETION, REPAIR, STRUCK, WRONG, Scene
from .setting import struck

UNIT_US = 300 * SECOND_US
"""What one tick of a shortest run stands for."""
VALUES: Mapping[str, tuple[Any, ...]] = {"profile": (0, 3), "geo": (1, 3, 0), "geo's nodeSelector": ("nowhere",)}
"""What a field of a run may be cast as, and the values it may take there beside the one it has."""
SIZES = {"profile", "geo"}
FIELDS = ("field0", "field1")
"""The fields of a run found in scope."""


@dataclass(frozen=True)
class Recast:
    """A shortest run for `prop` as calls on a scene's fields."""

    prop: str
    scene: Scene
    calls: tuple[Call, ...]


def recasts(traces: Iterable[Trace], own: Interpretation) -> Iterator[Recast]:
    """Every casting of every run, shorter runs first, with a fault standing and without."""
    for trace in sorted(traces, key=lambda trace: (len(trace.steps), trace.prop)):
        for faults, names in itertools.product((STRUCK, ()), itertools.permutations(VALUES, len(FIELDS))):
            fields = dict(zip(FIELDS, names, strict=True))
            casts = itertools.product(_values(trace, fields, faults, own), _interpretations(trace, own))
            for values, meant in casts:
                yield _cast(trace, fields, values, Scene(faults, (REPAIR,), meant, _usual(meant)))


def _values(
    trace: Trace, fields: Mapping[str, str], faults: tuple[str, ...], own: Interpretation
) -> Iterator[dict[tuple[str, Any], Any]]:
    """What values stand for, field by field: the first one is what is there. One that a constant names is what the
    constant stands for: a field that the run finds absent is cast as one that is, and no other is."""
    there, named = struck(faults).configuration, {(f, label): v for f in fields for label, v in own.constants.items()}
    start = {(f, trace.initial["c"][f]): there[name] for f, name in fields.items()}
    touched = {step.params.get("f") for step in trace.steps}
    if any((f in touched and named.get((f, v)) == GONE) != (there[fields[f]] == GONE) for f, v in start):
        return
    writes = [step.params for step in trace.steps if {"f", "v"} <= step.params.keys()]
    used: list[tuple[str, Any]] = list(dict.fromkeys((params["f"], params["v"]) for params in writes))
    new = [pair for pair in used if pair not in start and pair not in named]
    for values in itertools.product(*(VALUES[fields[f]] for f, _ in new)):
        if all(value != there[fields[f]] for (f, _), value in zip(new, values, strict=True)):
            yield named | start | dict(zip(new, values, strict=True))


def _interpretations(trace: Trace, own: Interpretation) -> Iterator[Interpretation]:
    """The run's own bounds; but first with room for a repair in every action."""
    bounds = {**own.constants, **{name: trace.constants[name] for name in BOUNDS}}
    bounds["window_us"] *= UNIT_US
    if bounds["max_steps"] < BOUNDS["max_steps"]:
        yield replace(own, constants={**bounds, "max_steps": BOUNDS["max_steps"]})
    yield replace(own, constants=bounds)


def _usual(interpretation: Interpretation) -> Interpretation:
    """What the whole specification makes of a run's bounds: those its axioms do not allow are the ordinary ones."""
    bounds = {name: interpretation.constants[name] for name in BOUNDS}
    return Interpretation({name: value if value > 0 else BOUNDS[name] for name, value in bounds.items()})


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
            role = trace.interpreter.evaluate(role_of(a), trace.initial, bindings={"a": agent})
            name = "stranger" if role == Role.BYSTANDER else str(role)
            alike = sum(other.startswith(name) for other in found.values())
            found[agent] = f"{name} {alike + 1}" if alike else name
    return found


def _jobs(trace: Trace, fields: Mapping[str, str], values: Mapping[tuple[str, Any], Any]) -> dict[Any, Job]:
    """What an action does is what is sent while it is the latest one; one that may not run is no mild one."""
    writes: dict[Any, dict[str, Any]] = {}
    mild: dict[Any, bool] = {}
    for before, step in zip(trace.states, trace.steps, strict=False):
        if step.transition == "act":
            action = step.params["x"]
            writes.setdefault(action, {})
            mild[action] = trace.interpreter.evaluate(may_run(x), before, bindings={"x": action})
        elif step.transition == "send" and step.state["action"] in writes:
            name = step.params["f"]
            writes[step.state["action"]][fields[name]] = values[name, step.params["v"]]
    return {action: _job(sent) if mild[action] else DELETION for action, sent in writes.items()}


def _job(sent: Mapping[str, Any]) -> Job:
    verb = "scale" if sent.keys() <= SIZES else "patch"
    return Job(verb, "Deployment", tuple(sent.items())) if sent else WRONG
