"""Proof by induction, one obligation per (transition, property).

Invariants hold initially and are kept by every transition; step properties hold of every transition taken
from a state in which the invariants hold. Hence they hold of every run, of any length, with any number of
agents, fields and actions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import z3

from stratus_spec import ANY, Axiom, Machine, Property, Specification, Transition

ROUNDS = {"mbqi.max_iterations": 10}
"""Solver parameters for questions about states of any size: what holds is proved within a few rounds of instantiation,
and a counterexample is found in scope, not there."""


@dataclass(frozen=True, eq=False)
class Obligation:
    """`goal` must follow from the hypotheses. `transition` is None for the initial state.

    `by_frame` marks a property none of whose variables the transition changes: its goal is one of the hypotheses, or
    nothing at all.
    """

    machine: Machine
    transition: Transition | None
    prop: Property
    goal: z3.ExprRef

    @property
    def name(self) -> str:
        """`transition:property`."""
        return f"{'init' if self.transition is None else self.transition.name}:{self.prop.name}"

    @property
    def by_frame(self) -> bool:
        """Whether the goal is the hypothesis itself, or says only that what the transition leaves alone stays."""
        if self.prop.kind == "step":
            return bool(z3.is_true(z3.simplify(self.goal)))
        return self.transition is not None and self.goal.eq(self.prop.term)


@dataclass(frozen=True, eq=False)
class Group:
    """Obligations that share their hypotheses: axioms and invariants for all values, and ground facts."""

    assumed: tuple[Axiom | Property, ...]
    facts: tuple[z3.ExprRef, ...]
    obligations: tuple[Obligation, ...]


def groups(specification: Specification, transitions: Collection[str] | None = None) -> Iterator[Group]:
    """All obligations of a specification, or those of some transitions.

    What is claimed in a setting is proved of the machine in that setting, where what holds in any is known too.
    """
    lasting = specification.claimed(ANY)
    yield from _of_machine(specification.machine, lasting, lasting, transitions)
    for name, machine in specification.settings.items():
        goals = specification.claimed(name)
        yield from _of_machine(machine, (*lasting, *goals), goals, transitions)


def _of_machine(
    machine: Machine,
    hypotheses: tuple[Property, ...],
    goals: tuple[Property, ...],
    transitions: Collection[str] | None,
) -> Iterator[Group]:
    if transitions is None:
        yield _initial(machine, goals)
    for transition in machine.transitions:
        if transitions is None or transition.name in transitions:
            yield _kept(machine, transition, hypotheses, goals)


def _initial(machine: Machine, goals: tuple[Property, ...]) -> Group:
    start = tuple(machine.variable[name].term == term for name, term in machine.init.items())
    obligations = tuple(Obligation(machine, None, p, p.term) for p in goals if p.kind == "invariant")
    return Group(machine.axioms, start, obligations)


def _kept(
    machine: Machine, transition: Transition, hypotheses: tuple[Property, ...], goals: tuple[Property, ...]
) -> Group:
    invariants = tuple(p for p in hypotheses if p.kind == "invariant")
    obligations = tuple(_obligation(machine, transition, p) for p in goals if p.where(transition))
    return Group((*machine.axioms, *invariants), tuple(transition.guards.values()), obligations)


def _obligation(machine: Machine, transition: Transition, prop: Property) -> Obligation:
    claim = machine.primed(prop.term) if prop.kind == "invariant" else prop.term
    return Obligation(machine, transition, prop, machine.after(transition, claim))
