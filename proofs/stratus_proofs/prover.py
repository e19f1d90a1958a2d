"""`prove`: every obligation and every witness, in one report."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import z3

from stratus_spec import SPECIFICATION, Specification

from .counterexample import Counterexample, search
from .induction import ROUNDS, Group, Obligation, groups
from .weakening import weakened
from .witness import Witness, witnesses

Status = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True)
class Budget:
    """What one question to the solver may cost: wall clock in milliseconds, and Z3's own resource units (0:
    no limit).

    A question that runs out is `unknown`, and unknown is a failure.
    """

    timeout_ms: int = 10_000
    rlimit: int = 0

    @property
    def options(self) -> dict[str, int]:
        """As Z3 solver parameters."""
        return {"timeout": self.timeout_ms, "rlimit": self.rlimit}


@dataclass(frozen=True)
class Result:
    """One obligation's outcome. `by_frame`: proved because the transition changes no variable of the
    invariant.

    `transition` is `init` for the initial state. A refuted obligation has a counterexample unless none is
    small.
    """

    transition: str
    prop: str
    status: Status
    by_frame: bool
    seconds: float
    counterexample: Counterexample | None = None

    @property
    def name(self) -> str:
        """`transition:property`."""
        return f"{self.transition}:{self.prop}"


@dataclass(frozen=True)
class Report:
    """Everything `prove` found. `seconds` is wall clock for the whole run."""

    machine: str
    without: tuple[str, ...]
    statements: dict[str, str]
    results: tuple[Result, ...]
    witnesses: tuple[Witness, ...]
    seconds: float
    solver: str

    @property
    def failures(self) -> tuple[Result, ...]:
        """Obligations that were not proved."""
        return tuple(r for r in self.results if r.status != "proved")

    @property
    def unreached(self) -> tuple[Witness, ...]:
        """Witnesses that were not reached, or that the interpreter does not confirm."""
        return tuple(w for w in self.witnesses if not (w.reached and w.replayed))

    @property
    def ok(self) -> bool:
        """Everything proved, nothing vacuous."""
        return bool(self.results) and not self.failures and not self.unreached


def prove(
    specification: Specification = SPECIFICATION,
    *,
    without: tuple[str, ...] = (),
    transitions: Collection[str] | None = None,
    budget: Budget | None = None,
) -> Report:
    """Prove the specification's properties by induction, and reach each property's premise.

    `without` drops assumptions, guards (`send.journaled`) and axioms first (`weakening.weakened`); witnesses are
    then left out, as they concern the whole machine. `transitions` limits the obligations, and leaves witnesses out
    too. Raises KeyError for an unknown name or transition.
    """
    started = time.perf_counter()
    budget = budget or Budget()
    for name in transitions or ():
        specification.machine.transition[name]
    subject = reduce(weakened, without, specification)
    found = [_solve(group, budget) for group in groups(subject, transitions)]
    whole = not without and transitions is None
    return Report(
        machine=specification.machine.name,
        without=tuple(without),
        statements={p.name: p.statement for p in specification.properties},
        results=tuple(result for results in found for result in results),
        witnesses=witnesses(specification, budget.options) if whole else (),
        seconds=time.perf_counter() - started,
        solver=f"z3 {z3.get_version_string()}",
    )


def failing(specification: Specification, budget: Budget) -> set[str]:
    """The properties with an obligation that is not proved, by name. No counterexample is looked for."""
    found: set[str] = set()
    for group in groups(specification):
        solver = _knowing(group, budget)
        found |= {o.prop.name for o in group.obligations if not o.by_frame and _answer(solver, o) != z3.unsat}
    return found


def _solve(group: Group, budget: Budget) -> list[Result]:
    solver = _knowing(group, budget)
    return [_result(solver, group, obligation, budget) for obligation in group.obligations]


def _knowing(group: Group, budget: Budget) -> z3.Solver:
    """A solver that knows the hypotheses of a group."""
    solver = z3.Solver()
    solver.set(**budget.options, **ROUNDS)
    solver.add(*(statement.closed for statement in group.assumed), *group.facts)
    return solver


def _result(solver: z3.Solver, group: Group, obligation: Obligation, budget: Budget) -> Result:
    started = time.perf_counter()
    status: Status = "proved"
    counterexample = None
    if not obligation.by_frame:
        status, counterexample = _ask(solver, group, obligation, budget)
    return Result(
        transition=obligation.transition.name if obligation.transition else "init",
        prop=obligation.prop.name,
        status=status,
        by_frame=obligation.by_frame,
        seconds=time.perf_counter() - started,
        counterexample=counterexample,
    )


def _ask(
    solver: z3.Solver, group: Group, obligation: Obligation, budget: Budget
) -> tuple[Status, Counterexample | None]:
    answer = _answer(solver, obligation)
    if answer == z3.unsat:
        return "proved", None
    counterexample = search(group, obligation, budget.options)
    refuted = counterexample is not None or answer == z3.sat
    return ("refuted" if refuted else "unknown"), counterexample


def _answer(solver: z3.Solver, obligation: Obligation) -> z3.CheckSatResult:
    solver.push()
    solver.add(z3.Not(obligation.goal))
    answer = solver.check()
    solver.pop()
    return answer
