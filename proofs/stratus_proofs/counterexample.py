"""Counterexamples to one obligation, found by Z3 and replayed by the interpreter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import z3

from stratus_spec import Interpreter, Machine, Property, State, Transition

from .induction import Group, Obligation
from .reading import Reading
from .scope import SCOPE

SMALL = 4


@dataclass(frozen=True)
class Replay:
    """What the interpreter says of a counterexample Z3 found. All four must be true for the two readings to
    agree."""

    guards_hold: bool
    same_post_state: bool
    invariants_hold_before: bool
    property_is_false: bool

    @property
    def agrees(self) -> bool:
        """Whether the interpreter confirms the counterexample."""
        return self.guards_hold and self.same_post_state and self.invariants_hold_before and self.property_is_false


@dataclass(frozen=True)
class Counterexample:
    """A step (`transition` None: an initial state) after which a property is false.

    `bindings` are the values of the property's universal constants, `constants` those of the machine.
    """

    transition: str | None
    params: Mapping[str, Any]
    constants: Mapping[str, Any]
    bindings: Mapping[str, Any]
    pre: State
    post: State
    replay: Replay

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Variables the step changes, before and after."""
        return self.pre.changes(self.post)


def search(group: Group, obligation: Obligation, budget: Mapping[str, int]) -> Counterexample | None:
    """A small counterexample, or None if there is none in scope within the budget (Z3 solver parameters)."""
    solver = z3.Solver()
    solver.set(**budget)
    solver.add(*SCOPE.all(group.assumed), *(SCOPE.term(fact) for fact in group.facts))
    solver.add(z3.Not(SCOPE.term(obligation.goal)))
    solver.push()
    solver.add(*small(obligation.machine))
    if solver.check() != z3.sat:
        solver.pop()
        if solver.check() != z3.sat:
            return None
    return read(group, obligation, solver.model())


def small(machine: Machine) -> list[Any]:
    """Preference for a readable model: integers of the state and the constants near zero."""
    terms = [v.term for v in machine.variables if v.sort.kind() == z3.Z3_INT_SORT]
    terms += [constant for constant in machine.constants if constant.sort().kind() == z3.Z3_INT_SORT]
    return [bound for term in terms for bound in (term >= 0, term <= SMALL)]


def read(group: Group, obligation: Obligation, model: z3.ModelRef) -> Counterexample:
    """The model as states and values, replayed."""
    machine, transition, prop = obligation.machine, obligation.transition, obligation.prop
    before = {v.name: v.term for v in machine.variables}
    after = before if transition is None else {**before, **transition.updates}
    given = () if transition is None else transition.params
    reading = Reading(machine, model, given)
    pre, post = reading.state(before), reading.state(after)
    params = {str(p): reading.value(p) for p in given}
    bindings = {str(constant): reading.value(constant) for constant in prop.over}
    interpreter = reading.interpreter(machine)
    known = tuple(p for p in group.assumed if isinstance(p, Property))
    return Counterexample(
        transition=transition.name if transition else None,
        params=params,
        constants={str(c): reading.value(c) for c in machine.constants},
        bindings=bindings,
        pre=pre,
        post=post,
        replay=Replay(
            guards_hold=_allowed(interpreter, transition, pre, params),
            same_post_state=transition is None or interpreter.step(pre, transition.name, **params) == post,
            invariants_hold_before=transition is None or all(holds(interpreter, p, pre) for p in known),
            property_is_false=not interpreter.evaluate(prop.term, *seen(prop, pre, post), {**params, **bindings}),
        ),
    )


def seen(prop: Property, pre: State, post: State) -> tuple[State, State]:
    """The states a property reads unprimed and primed at the end of a step: an invariant reads only the
    later."""
    return (post, post) if prop.kind == "invariant" else (pre, post)


def _allowed(interpreter: Interpreter, transition: Transition | None, pre: State, params: Mapping[str, Any]) -> bool:
    if transition is not None:
        return interpreter.enabled(pre, transition.name, **params)
    free = {name: value for name, value in pre.items() if name not in interpreter.machine.init}
    return interpreter.initial(**free) == pre


def holds(interpreter: Interpreter, invariant: Property, state: State) -> bool:
    """Whether an invariant holds in a state, for every member of the scope."""
    domains = [SCOPE.labels(constant.sort()) for constant in invariant.over]
    names = [str(constant) for constant in invariant.over]
    return all(
        interpreter.evaluate(invariant.term, state, bindings=dict(zip(names, members, strict=True)))
        for members in itertools.product(*domains)
    )
