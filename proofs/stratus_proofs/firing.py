"""Transitions that can never happen: a definition of one is a mistake, and everything proved of it is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import z3

from stratus_spec import ANY, Property, Specification, Transition

from .counterexample import small
from .induction import ROUNDS
from .scope import SCOPE

BUDGET = {"rlimit": 20_000_000}


@dataclass(frozen=True)
class Dead:
    """A transition whose guards hold in no state the invariants allow: a least set of guards and invariants in
    conflict. `everywhere`: not only in scope but of any size."""

    transition: str
    guards: tuple[str, ...]
    invariants: tuple[str, ...]
    everywhere: bool

    @property
    def message(self) -> str:
        """What is wrong and how to mend it, in one line."""
        guards = ", ".join(f"{self.transition}.{guard}" for guard in self.guards)
        rest = f" and the invariants {', '.join(self.invariants)}" if self.invariants else ""
        size = "" if self.everywhere else " (in states of a few members)"
        return f"{self.transition} can never happen{size}: {guards}{rest} contradict each other; mend or delete one"


def dead(specification: Specification) -> Iterator[Dead]:
    """The transitions of the machine that can never happen."""
    invariants = tuple(p for p in specification.claimed(ANY) if p.kind == "invariant")
    solver = z3.Solver()
    solver.set(**BUDGET)
    solver.add(*SCOPE.all((*specification.machine.axioms, *invariants)))
    solver.add(*(SCOPE.term(bound) for bound in small(specification.machine)))
    for transition in specification.machine.transitions:
        if solver.check(*(SCOPE.term(guard) for guard in transition.guards.values())) != z3.sat:
            yield _explained(specification, transition, invariants)


def _explained(specification: Specification, transition: Transition, invariants: Sequence[Property]) -> Dead:
    guards, known = list(transition.guards), list(invariants)
    everywhere = _contradictory(specification, transition, guards, known)
    if not everywhere:
        return Dead(transition.name, tuple(guards), (), everywhere)
    for invariant in invariants:
        fewer = [other for other in known if other is not invariant]
        known = fewer if _contradictory(specification, transition, guards, fewer) else known
    for guard in transition.guards:
        others = [other for other in guards if other != guard]
        guards = others if _contradictory(specification, transition, others, known) else guards
    return Dead(transition.name, tuple(guards), tuple(p.name for p in known), everywhere)


def _contradictory(
    specification: Specification, transition: Transition, guards: Sequence[str], invariants: Sequence[Property]
) -> bool:
    solver = z3.Solver()
    solver.set(**BUDGET, **ROUNDS)
    solver.add(*(axiom.closed for axiom in specification.machine.axioms), *(p.closed for p in invariants))
    solver.add(*(transition.guards[guard] for guard in guards))
    return bool(solver.check() == z3.unsat)
