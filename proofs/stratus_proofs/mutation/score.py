"""The mutation score of a specification: each mutant is killed, proved equivalent, or survives.

A mutant is killed when its transition can no longer happen, when an obligation of it has a counterexample, or when a
witness is no longer reached. Only the changed transition's obligations can fail, and of those only the ones whose
question changed. A mutant is equivalent when Z3 proves, for every state in which the invariants hold, that it allows
the same steps: then both machines have the same runs.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import z3

from stratus_spec import ANY, Machine, Specification, Transition
from stratus_spec.loading import BUILT_IN, load
from stratus_spec.terms import free_names

from ..counterexample import small
from ..induction import ROUNDS, Group, Obligation, groups
from ..scope import SCOPE
from ..witness import reached
from .mutants import Mutant, mutants

Status = Literal["killed", "equivalent", "survived"]

BUDGET = {"rlimit": 5_000_000}
"""What one question may cost: Z3's resource units and not time, so that every run decides alike."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: killed `by` an obligation (`transition:property`), a witness (`witness:property`) or
    `firing`, equivalent `by` proof, or a survivor."""

    mutant: str
    transition: str
    operator: str
    status: Status
    by: str = ""


@dataclass(frozen=True)
class Score:
    """The verdicts of all mutants, or of every `stride`-th, in the order of the specification's text."""

    machine: str
    stride: int
    verdicts: tuple[Verdict, ...]

    def having(self, status: Status) -> tuple[Verdict, ...]:
        """The verdicts with a status."""
        return tuple(v for v in self.verdicts if v.status == status)

    @property
    def ok(self) -> bool:
        """Something was mutated and nothing survived."""
        return bool(self.verdicts) and not self.having("survived")

    @property
    def counts(self) -> Counter[str]:
        """How many mutants have each status."""
        return Counter(v.status for v in self.verdicts)


@dataclass(frozen=True, eq=False)
class Judge:
    """Decides about the mutants of one specification, with the questions they share prepared once."""

    specification: Specification

    @cached_property
    def mutants(self) -> tuple[Mutant, ...]:
        """Every mutant."""
        return mutants(self.specification)

    def verdict(self, mutant: Mutant) -> Verdict:
        """What becomes of a mutant: the cheapest question first, and no more after the first kill."""
        mutated = self._mutated(mutant)
        status: Status = "killed"
        by = self._dead(mutated, mutant.transition) or self._refuted(mutant, mutated)
        if by is None and self._equivalent(mutant, mutated):
            status, by = "equivalent", "proof"
        if by is None:
            by = _missed(mutated, mutant.transition)
        if by is None:
            status, by = "survived", ""
        return Verdict(mutant.name, mutant.transition, mutant.operator, status, by)

    def _mutated(self, mutant: Mutant) -> Specification:
        specification = self.specification
        settings = {name: mutant.applied(machine) for name, machine in specification.settings.items()}
        return Specification(mutant.applied(specification.machine), specification.properties, settings)

    def _dead(self, mutated: Specification, transition: str) -> str | None:
        """`firing` if the transition can no longer happen, which `stratus prove --spec` refuses."""
        guards = mutated.machine.transition[transition].guards.values()
        solver = self._solver(self._groups(transition)[0])
        return "firing" if solver.check(*(SCOPE.term(guard) for guard in guards)) == z3.unsat else None

    def _refuted(self, mutant: Mutant, mutated: Specification) -> str | None:
        """The first obligation with a counterexample in scope, and None if there is none."""
        for old, new in zip(self._groups(mutant.transition), groups(mutated, (mutant.transition,)), strict=True):
            suspects = _suspects(mutant, old, new)
            solver = self._solver(new)
            solver.push()
            solver.add(*(SCOPE.term(fact) for fact in new.facts))
            found = _first(solver, suspects)
            solver.pop()
            if found is not None:
                return found.name
        return None

    def _equivalent(self, mutant: Mutant, mutated: Specification) -> bool:
        """Whether the changed transition does the same from every state in which the invariants hold."""
        before = self.specification.machine.transition[mutant.transition]
        after = mutated.machine.transition[mutant.transition]
        solver = z3.Solver()
        solver.set(**BUDGET, **ROUNDS)
        solver.add(*(axiom.closed for axiom in self.specification.machine.axioms))
        solver.add(*(p.closed for p in self.specification.claimed(ANY) if p.kind == "invariant"))
        solver.add(differs(self.specification.machine, before, after))
        return bool(solver.check() == z3.unsat)

    def _groups(self, transition: str) -> tuple[Group, ...]:
        return self._known.setdefault(transition, tuple(groups(self.specification, (transition,))))

    def _solver(self, group: Group) -> z3.Solver:
        key = tuple(id(statement) for statement in group.assumed)
        if key not in self._solvers:
            solver = z3.Solver()
            solver.set(**BUDGET)
            solver.add(*SCOPE.all(group.assumed), *(SCOPE.term(bound) for bound in small(self.specification.machine)))
            self._solvers[key] = solver
        return self._solvers[key]

    @cached_property
    def _known(self) -> dict[str, tuple[Group, ...]]:
        return {}

    @cached_property
    def _solvers(self) -> dict[tuple[int, ...], z3.Solver]:
        return {}


def differs(machine: Machine, before: Transition, after: Transition) -> Any:
    """The formula that some step is allowed by one transition and not, or with another outcome, by the other."""
    allowed, still = z3.And(list(before.guards.values())), z3.And(list(after.guards.values()))
    changed = [before.updates.get(v.name, v.term) != after.updates.get(v.name, v.term) for v in machine.variables]
    return z3.Or(allowed != still, z3.And(allowed, z3.Or(changed)))


def _suspects(mutant: Mutant, old: Group, new: Group) -> list[Obligation]:
    """The obligations the change can break, those that share most names with it first."""
    names = free_names(mutant.before if mutant.before is not None else mutant.term) | {mutant.label}
    pairs = zip(old.obligations, new.obligations, strict=True)
    open_ = [b for a, b in pairs if not b.by_frame and (mutant.part == "guard" or not a.goal.eq(b.goal))]
    return sorted(open_, key=lambda obligation: -len(names & free_names(obligation.goal)))


def _first(solver: z3.Solver, suspects: list[Obligation]) -> Obligation | None:
    denied = [z3.Not(SCOPE.term(obligation.goal)) for obligation in suspects]
    if not denied or solver.check(z3.Or(denied)) == z3.unsat:
        return None
    pairs = zip(suspects, denied, strict=True)
    return next((obligation for obligation, claim in pairs if solver.check(claim) == z3.sat), None)


def _missed(mutated: Specification, transition: str) -> str | None:
    """The first witness along the transition that is no longer reached."""
    paths = (p for p in mutated.properties if transition in p.path)
    return next((f"witness:{p.name}" for p in paths if not reached(mutated.subject(p.setting), p, BUDGET)), None)


def score(address: str = BUILT_IN, *, stride: int = 1, workers: int = 1) -> Score:
    """Judge every `stride`-th mutant of the specification at an address (`module:attribute`), in that many processes.

    The verdicts are the same for any number of workers. Raises MachineError when there is no such specification.
    """
    judge = Judge(load(address))
    numbers = range(0, len(judge.mutants), stride)
    if workers == 1:
        verdicts = tuple(judge.verdict(judge.mutants[number]) for number in numbers)
    else:
        # Not by fork: a child must not inherit the state of Z3.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _prepare, (address,)) as pool:
            verdicts = tuple(pool.map(_verdict, numbers, chunksize=16))
    return Score(judge.specification.machine.name, stride, verdicts)


_PREPARED: list[Judge] = []


def _prepare(address: str) -> None:
    _PREPARED.append(Judge(load(address)))


def _verdict(number: int) -> Verdict:
    judge = _PREPARED[-1]
    return judge.verdict(judge.mutants[number])
