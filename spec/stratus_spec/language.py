"""The language machines are written in: variables, transitions, properties and the machine that joins them.

Terms are quantifier-free Z3 expressions. A transition is a set of named guards and one update per variable it
changes; every other variable keeps its value. The same data is proved by induction and compiled to Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import z3

from .checks import check_machine
from .terms import Term, free_names, per_term

__all__ = [
    "ANY",
    "Axiom",
    "Machine",
    "Property",
    "Term",
    "Transition",
    "Variable",
    "VariableRole",
    "free_names",
    "per_term",
]

ANY = "any"
"""The setting of a property that is claimed of the machine itself, whatever the environment does."""

VariableRole = Literal["machine", "journal", "lock", "network", "cluster", "ghost"]


@dataclass(frozen=True, eq=False)
class Variable:
    """One state variable. `ghost` variables are read by proofs and by the commit test, never by an agent;
    `network` variables only by the server."""

    name: str
    sort: z3.SortRef
    role: VariableRole
    doc: str

    @cached_property
    def term(self) -> Term:
        """The variable's value before a step."""
        return z3.Const(self.name, self.sort)

    @cached_property
    def primed(self) -> Term:
        """The variable's value after a step."""
        return z3.Const(f"{self.name}'", self.sort)


@dataclass(frozen=True, eq=False)
class Transition:
    """A named step: allowed when all `guards` hold, it sets each variable in `updates` and leaves the others
    alone.

    `actor` says who takes the step: a role, `machine` (the deterministic driver) or `environment`.
    """

    name: str
    actor: str
    doc: str
    params: tuple[Term, ...]
    guards: Mapping[str, Term]
    updates: Mapping[str, Term]

    @cached_property
    def param_names(self) -> tuple[str, ...]:
        """Parameter names, in order."""
        return tuple(str(param) for param in self.params)


@dataclass(frozen=True, eq=False)
class Property:
    """A statement about every reachable state (`invariant`) or about every step (`step`).

    `over` lists constants the statement holds for all values of. A step property mentions values after the
    step as `after(x)` and the parameters of the transitions selected by `where`. `setting` names the
    environment a property is claimed in (see `Specification`). `premise` is a situation in
    which the statement says something, and `path` the transitions that lead there (for a step, the last one
    is the step): together they are the `sometimes` witness that the statement is not vacuous.
    """

    name: str
    kind: Literal["invariant", "step"]
    statement: str
    term: Term
    premise: Term
    path: tuple[str, ...]
    over: tuple[Term, ...] = ()
    where: Callable[[Transition], bool] = lambda _transition: True
    setting: str = ANY

    @property
    def closed(self) -> Term:
        """The statement with its `over` constants quantified."""
        return z3.ForAll(list(self.over), self.term) if self.over else self.term


@dataclass(frozen=True, eq=False)
class Axiom:
    """An assumption about functions and constants: for all `over`, `term`."""

    name: str
    term: Term
    over: tuple[Term, ...] = ()

    @property
    def closed(self) -> Term:
        """The assumption with its `over` constants quantified."""
        return z3.ForAll(list(self.over), self.term) if self.over else self.term


@dataclass(frozen=True, eq=False)
class Machine:
    """A state machine as data.

    `init` fixes the initial value of some variables as terms over the others, which may start anywhere.
    Raises MachineError when names clash or are unknown, or when an update has the wrong sort.
    """

    name: str
    variables: tuple[Variable, ...]
    constants: tuple[Term, ...]
    functions: tuple[z3.FuncDeclRef, ...]
    axioms: tuple[Axiom, ...]
    init: Mapping[str, Term]
    transitions: tuple[Transition, ...]

    def __post_init__(self) -> None:
        check_machine(self)

    @cached_property
    def variable(self) -> dict[str, Variable]:
        """Variables by name."""
        return {variable.name: variable for variable in self.variables}

    @cached_property
    def _primed(self) -> dict[str, Variable]:
        return {variable.primed.decl().name(): variable for variable in self.variables}

    @cached_property
    def transition(self) -> dict[str, Transition]:
        """Transitions by name."""
        return {transition.name: transition for transition in self.transitions}

    def without_transitions(self, *names: str) -> Machine:
        """The machine with some transitions removed (for example the environment's)."""
        return replace(self, transitions=tuple(t for t in self.transitions if t.name not in names))

    def with_transition(self, changed: Transition) -> Machine:
        """The machine with the transition of that name replaced."""
        return replace(self, transitions=tuple(changed if t.name == changed.name else t for t in self.transitions))

    def without_guard(self, address: str) -> Machine:
        """The machine with one guard removed; `address` is `transition.guard`. Raises KeyError if there is
        none."""
        name, _, guard = address.partition(".")
        transition = self.transition.get(name)
        if transition is None or guard not in transition.guards:
            raise KeyError(f"no guard {address!r}; guards are {', '.join(self.guard_addresses)}")
        kept = {key: term for key, term in transition.guards.items() if key != guard}
        return self.with_transition(replace(transition, guards=kept))

    @cached_property
    def guard_addresses(self) -> tuple[str, ...]:
        """Every guard as `transition.guard`."""
        return tuple(f"{t.name}.{guard}" for t in self.transitions for guard in t.guards)

    def primed(self, term: Term) -> Term:
        """`term` read after the step instead of before it."""
        names = free_names(term)
        return z3.substitute(term, *((v.term, v.primed) for v in self.variables if v.name in names))

    def after(self, transition: Transition, term: Term) -> Term:
        """`term` over unprimed and primed variables, with the primed ones replaced by what `transition`
        does."""
        names = free_names(term)
        mentioned = [v for name, v in self._primed.items() if name in names]
        return z3.substitute(term, *((v.primed, transition.updates.get(v.name, v.term)) for v in mentioned))
