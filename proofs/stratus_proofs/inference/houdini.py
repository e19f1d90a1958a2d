"""The largest inductive set of candidate lemmas, and a least part of it that proves a target.

All questions are asked in scope, where they are decidable and fast; what is found is proved without bounds afterwards.
Source: Flanagan and Leino, Houdini, an annotation assistant for ESC/Java (2001).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import z3

from stratus_spec import Axiom, Machine, Property, Transition

from ..scope import INDEXES, SCOPE
from .grammar import Lemma

TARGET = -1
"""The number that stands for the target among the candidates' numbers."""
INTEGERS = range(-2, 5)
"""The values of integer variables before a step."""


@dataclass(frozen=True, eq=False)
class Houdini:
    """The candidates of one machine and the target they are to prove, which is assumed wherever it is an invariant."""

    machine: Machine
    candidates: tuple[Lemma, ...]
    target: Property

    def inductive(self) -> set[int]:
        """The numbers of the candidates in the largest set that holds initially and that every transition keeps."""
        alive = set(range(len(self.candidates)))
        before = 0
        while before != len(alive):
            before = len(alive)
            for step in self._steps.values():
                alive -= step.broken(alive)
        return alive

    def needed(self, allowed: set[int]) -> list[int] | None:
        """A least set of the allowed candidates that is inductive with the target and proves it; None if none is."""
        found: set[int] = set()
        todo = [TARGET]
        while todo:
            goal = todo.pop()
            for step in self._steps.values():
                core = step.core(goal, found, allowed)
                if core is None:
                    return None
                todo += sorted(core - found)
                found |= core
        for number in self._complicated(found):
            found = found - {number} if self.holds(found - {number}) else found
        return list(reversed(self._complicated(found)))

    def suspect(self, transition: str, goal: int, chosen: set[int]) -> int:
        """Which of the chosen candidates to give up when the goal follows from them in scope and not beyond: the most
        complicated one it leans on, and the goal itself if there is no other."""
        leant_on = (self._steps[transition].core(goal, set(), chosen) or set()) - {goal}
        return self._complicated(leant_on)[0] if leant_on else goal

    def holds(self, chosen: set[int]) -> bool:
        """Whether these candidates are inductive with the target, and prove it."""
        return all(step.implied(goal, chosen) for goal in (TARGET, *sorted(chosen)) for step in self._steps.values())

    def _complicated(self, numbers: Iterable[int]) -> list[int]:
        return sorted(numbers, key=lambda n: self.candidates[n].cost, reverse=True)

    @cached_property
    def _steps(self) -> dict[str, Step]:
        steps = (None, *self.machine.transitions)
        return {"init" if t is None else t.name: Step(self, t) for t in steps}


@dataclass(frozen=True, eq=False)
class Step:
    """One transition (None: the initial state), and which candidates hold before and fail after it."""

    houdini: Houdini
    transition: Transition | None

    def broken(self, alive: set[int]) -> set[int]:
        """The candidates that fail after some step from a state in which all that are alive hold."""
        lost: set[int] = set()
        while model := self._model(z3.Or([self._fails[n] for n in sorted(alive - lost)]), alive):
            lost |= {n for n in alive - lost if z3.is_true(model.eval(self._fails[n], model_completion=True))}
        return lost

    def implied(self, goal: int, chosen: Iterable[int]) -> bool:
        """Whether the goal holds after every step from a state in which the chosen candidates hold."""
        fails = self._target_fails if goal == TARGET else self._fails[goal]
        return self._model(fails, chosen) is None

    def core(self, goal: int, found: set[int], allowed: set[int]) -> set[int] | None:
        """Allowed candidates that, beside those found, the goal needs; None if they do not suffice."""
        if self.implied(goal, found):
            return set()
        if not self.implied(goal, allowed):
            return None
        core = {n for n in allowed if any(self._known[n].eq(used) for used in self._solver.unsat_core())}
        for number in self.houdini._complicated(core):
            fewer = core - {number}
            core = fewer if self.implied(goal, found | fewer) else core
        return core

    def _model(self, fails: Any, known: Iterable[int]) -> z3.ModelRef | None:
        answer = self._solver.check(fails, *(self._known[n] for n in sorted(known)))
        return None if answer == z3.unsat else self._solver.model()

    @cached_property
    def _solver(self) -> z3.Solver:
        machine, target, solver = self.houdini.machine, self.houdini.target, z3.Solver()
        solver.add(*SCOPE.all(machine.axioms), *(SCOPE.term(fact) for fact in self._facts()))
        if self.transition is not None and target.kind == "invariant":
            solver.add(*SCOPE.all([target]))
        for number, lemma in enumerate(self.houdini.candidates):
            solver.add(self._fails[number] == z3.Not(self._after(lemma.term)))
            if self.transition is not None:
                statement = Axiom(lemma.text, lemma.term, lemma.over)
                solver.add(z3.Implies(self._known[number], z3.And(SCOPE.all([statement]))))
        solver.add(self._target_fails == z3.Not(self._target_holds()))
        return solver

    def _facts(self) -> Iterator[Any]:
        machine = self.houdini.machine
        numbers = [v.term for v in machine.variables if v.sort.kind() == z3.Z3_INT_SORT]
        yield from (fact for n in numbers for fact in (n >= INTEGERS.start, n < INTEGERS.stop))
        over = {str(i): i for lemma in self.houdini.candidates for i in lemma.over if i.sort().kind() == z3.Z3_INT_SORT}
        yield from (fact for i in over.values() for fact in (i >= INDEXES[0], i <= INDEXES[-1]))
        if self.transition is None:
            yield from (machine.variable[name].term == term for name, term in machine.init.items())
        else:
            yield from self.transition.guards.values()

    def _after(self, term: Any) -> Any:
        machine = self.houdini.machine
        return SCOPE.term(term if self.transition is None else machine.after(self.transition, machine.primed(term)))

    def _target_holds(self) -> Any:
        target, machine = self.houdini.target, self.houdini.machine
        if target.kind == "invariant":
            return self._after(target.term)
        if self.transition is None or not target.where(self.transition):
            return z3.BoolVal(True)
        return SCOPE.term(machine.after(self.transition, target.term))

    @cached_property
    def _known(self) -> list[Any]:
        return [z3.Bool(f"known {n}") for n in range(len(self.houdini.candidates))]

    @cached_property
    def _fails(self) -> list[Any]:
        return [z3.Bool(f"fails {n}") for n in range(len(self.houdini.candidates))]

    @cached_property
    def _target_fails(self) -> Any:
        return z3.Bool("target fails")
