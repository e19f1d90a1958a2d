"""A run told step by step: what each transition changed, and the clause that broke with its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import z3

from stratus_spec import Property, State
from stratus_spec.language import free_names

from ..counterexample import seen
from ..render import differences, show
from .decoding import Trace


def lines(trace: Trace, prop: Property) -> list[str]:
    """The run as text, one transition a line, differences only; then the broken clause and its values."""
    head = f"{prop.name} breaks in {len(trace.steps)} steps: {prop.statement}"
    return [
        head,
        f"  given {_named({**trace.constants, **_kinds(trace)})}",
        f"  start {_start(trace)}",
        *_steps(trace),
        *_broken(trace, prop),
    ]


def as_json(trace: Trace, prop: Property) -> dict[str, Any]:
    """The run as plain data for `json.dumps`: the text's content."""
    clause, values = broken_clause(trace, prop)
    return {
        "property": prop.name,
        "statement": prop.statement,
        "constants": {**trace.constants, **_kinds(trace)},
        "start": {name: show(trace.initial[name]) for name in _free(trace)},
        "steps": [
            {"transition": step.transition, "arguments": dict(step.params), "changes": list(differences(before, after))}
            for before, step, after in _moves(trace)
        ],
        "broken": {"clause": _text(clause), "values": values},
    }


def broken_clause(trace: Trace, prop: Property) -> tuple[Any, dict[str, str]]:
    """The smallest part of the property that is false at the end of the run, and the values of what it mentions."""
    before, after = seen(prop, trace.states[max(0, len(trace.steps) - 1)], trace.states[-1])
    given = {**(trace.steps[-1].params if trace.steps else {}), **trace.bindings}

    def value(term: Any) -> Any:
        return trace.interpreter.evaluate(
            term, before, after, {name: given[name] for name in free_names(term) & set(given)}
        )

    clause = _narrowed(prop.term, value)
    return clause, {_text(term): show(value(term)) for term in _mentioned(clause)}


def _narrowed(term: Any, value: Any) -> Any:
    """Down through conjunctions and implications to what is false."""
    if z3.is_and(term):
        return _narrowed(next(child for child in term.children() if not value(child)), value)
    return _narrowed(term.arg(1), value) if z3.is_implies(term) else term


def _mentioned(clause: Any) -> list[Any]:
    """Constants and function values in a clause, in order of appearance."""
    found: dict[str, Any] = {}

    def visit(term: Any) -> None:
        for child in term.children():
            if not (z3.is_select(term) and z3.is_const(child) and z3.is_array(child)):
                visit(child)
        if term.decl().kind() in (z3.Z3_OP_UNINTERPRETED, z3.Z3_OP_SELECT):
            found.setdefault(_text(term), term)

    visit(clause)
    return list(found.values())


def _steps(trace: Trace) -> Iterator[str]:
    moves = list(_moves(trace))
    calls = [f"{step.transition}({', '.join(map(show, step.params.values()))})" for _, step, _ in moves]
    width = max(map(len, calls), default=0)
    for number, ((before, _, after), call) in enumerate(zip(moves, calls, strict=True), 1):
        yield f"  {number:>5} {call:{width}}  {', '.join(differences(before, after)) or 'nothing changes'}"


def _broken(trace: Trace, prop: Property) -> Iterator[str]:
    clause, values = broken_clause(trace, prop)
    yield f"  false {_text(clause)}"
    yield f"  where {_named(values)}"


def _moves(trace: Trace) -> Iterator[tuple[State, Any, State]]:
    yield from zip(trace.states, trace.steps, trace.states[1:], strict=False)


def _kinds(trace: Trace) -> dict[str, Any]:
    """Roles of agents and classes of actions that take part: functions of one argument with an enumeration's values."""
    machine, found = trace.interpreter.machine, dict[str, Any]()
    for function in machine.functions:
        if function.arity() == 1 and function.range().kind() == z3.Z3_DATATYPE_SORT:
            for value in _taking_part(trace, function.domain(0)):
                argument = z3.Const("argument", function.domain(0))
                known = trace.interpreter.evaluate(function(argument), trace.initial, bindings={"argument": value})
                found[f"{function.name()}({value})"] = known
    return found


def _taking_part(trace: Trace, sort: Any) -> list[Any]:
    """The members of a sort the run's steps take as arguments."""
    params = [(p, step) for step in trace.steps for p in trace.interpreter.machine.transition[step.transition].params]
    return list(dict.fromkeys(step.params[str(p)] for p, step in params if p.sort() == sort))


def _free(trace: Trace) -> list[str]:
    """The variables the machine leaves open at the start and the run reads or changes."""
    return [name for name in ("c", "e", "now") if name in trace.initial]


def _start(trace: Trace) -> str:
    return _named({name: trace.initial[name] for name in _free(trace)})


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in values.items())


def _text(term: Any) -> str:
    return " ".join(str(term).split())
