"""Witnesses: each property's premise is really reached, by a run Z3 finds and the interpreter executes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import z3

from stratus_spec import Machine, Property, Specification, SpecViolation, State

from .counterexample import seen, small
from .reading import Reading
from .scope import SCOPE


@dataclass(frozen=True)
class Step:
    """One transition of a run with its arguments, and the state after it."""

    transition: str
    params: Mapping[str, Any]
    state: State


@dataclass(frozen=True)
class Witness:
    """Whether a property's premise was reached along its path (`steps`), and whether the interpreter
    agrees."""

    prop: str
    path: tuple[str, ...]
    reached: bool
    replayed: bool = False
    steps: tuple[Step, ...] = field(default=(), repr=False)


@dataclass(frozen=True, eq=False)
class Unrolled:
    """A path as terms over the first state: state terms after each step, arguments of each step, and all
    conditions."""

    states: tuple[dict[str, Any], ...]
    params: tuple[dict[str, Any], ...]
    conditions: tuple[Any, ...]


@lru_cache(maxsize=256)
def unroll(machine: Machine, path: tuple[str, ...]) -> Unrolled:
    """The path from an initial state, each step with its own arguments. Raises KeyError for an unknown
    transition."""
    if not path:
        return Unrolled(({v.name: machine.init.get(v.name, v.term) for v in machine.variables},), (), ())
    before = unroll(machine, path[:-1])
    transition = machine.transition[path[-1]]
    fresh = {str(p): z3.Const(f"{p}!{len(path)}", p.sort()) for p in transition.params}
    here = [(v.term, before.states[-1][v.name]) for v in machine.variables]
    here += [(p, fresh[str(p)]) for p in transition.params]
    conditions = tuple(z3.substitute(guard, *here) for guard in transition.guards.values())
    updates = {name: z3.substitute(term, *here) for name, term in transition.updates.items()}
    return Unrolled(
        (*before.states, {**before.states[-1], **updates}),
        (*before.params, fresh),
        (*before.conditions, *conditions),
    )


def witnesses(specification: Specification, budget: Mapping[str, int]) -> tuple[Witness, ...]:
    """One witness for each property, in the setting the property is claimed in."""
    return tuple(find(specification.subject(p.setting), p, budget) for p in specification.properties)


def find(machine: Machine, prop: Property, budget: Mapping[str, int]) -> Witness:
    """A run along the property's path that ends in its premise."""
    run, solver = question(machine, prop, budget)
    if solver.check() != z3.sat:
        return Witness(prop.name, prop.path, reached=False)
    return _replay(machine, prop, run, solver.model())


def reached(machine: Machine, prop: Property, budget: Mapping[str, int]) -> bool:
    """Whether there is such a run, without reading it."""
    return bool(question(machine, prop, budget)[1].check() == z3.sat)


def question(machine: Machine, prop: Property, budget: Mapping[str, int]) -> tuple[Unrolled, z3.Solver]:
    """The property's path, and a solver whose models are the runs along it that end in the premise."""
    run = unroll(machine, prop.path)
    solver = z3.Solver()
    solver.set(**budget)
    solver.add(*SCOPE.all(machine.axioms), *(SCOPE.term(t) for t in run.conditions))
    solver.add(SCOPE.term(_premise(machine, prop, run)), *(SCOPE.term(t) for t in small(machine)))
    return run, solver


def _premise(machine: Machine, prop: Property, run: Unrolled) -> Any:
    final = run.states[-1] if prop.kind == "invariant" else run.states[-2]
    pairs = [(v.term, final[v.name]) for v in machine.variables]
    pairs += [(v.primed, run.states[-1][v.name]) for v in machine.variables]
    given = {str(p): p for p in machine.transition[prop.path[-1]].params}
    pairs += [(given[name], term) for name, term in run.params[-1].items()]
    return z3.substitute(prop.premise, *pairs)


def _replay(machine: Machine, prop: Property, run: Unrolled, model: z3.ModelRef) -> Witness:
    reading = Reading(machine, model, tuple(term for params in run.params for term in params.values()))
    interpreter = reading.interpreter(machine)
    free = [v for v in machine.variables if v.name not in machine.init]
    states = [interpreter.initial(**{v.name: reading.value(v.term) for v in free})]
    steps: list[Step] = []
    for name, params in zip(prop.path, run.params, strict=True):
        arguments = {key: reading.value(term) for key, term in params.items()}
        try:
            states.append(interpreter.step(states[-1], name, **arguments))
        except SpecViolation:
            return Witness(prop.name, prop.path, reached=True, steps=tuple(steps))
        steps.append(Step(name, arguments, states[-1]))
    bindings = {**steps[-1].params, **{str(constant): reading.value(constant) for constant in prop.over}}
    replayed = interpreter.evaluate(prop.premise, *seen(prop, states[-2], states[-1]), bindings)
    return Witness(prop.name, prop.path, reached=True, replayed=bool(replayed), steps=tuple(steps))
