"""The run-time reading of a machine: the same terms that are proved, compiled to Python and executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import z3

from .compile import code, expression, python_names
from .errors import SpecViolation
from .language import Axiom, Machine, Term, Transition
from .sorts import ENUMS
from .total_map import TotalMap


class State(Mapping[str, Any]):
    """An immutable state: variable name to value.

    Enumerations are StrEnum members, arrays are TotalMaps, integers and booleans are Python's, and values of
    uninterpreted sorts are any Python objects, compared with `==`.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.values()))

    def __repr__(self) -> str:
        return f"State({', '.join(f'{name}={value}' for name, value in self._values.items())})"

    def changes(self, after: State) -> dict[str, tuple[Any, Any]]:
        """Variables that differ in `after`, each with both values."""
        return {name: (value, after[name]) for name, value in self._values.items() if value != after[name]}


@dataclass(frozen=True)
class CompiledTransition:
    """A transition as three Python functions of the state's values and the parameters."""

    enabled: Callable[..., bool]
    guards: Mapping[str, Callable[..., bool]]
    updates: Callable[..., dict[str, Any]]


class Interpreter:
    """Executes a machine.

    `functions` gives every uninterpreted function as a pure Python callable, `constants` every constant.
    Raises ValueError when one is missing or unknown, or when the constants break an axiom. `terms` (what
    `evaluate` is given) and transitions are compiled once; a step costs microseconds plus what the functions
    cost.
    """

    def __init__(
        self, machine: Machine, functions: Mapping[str, Callable[..., Any]], constants: Mapping[str, Any]
    ) -> None:
        self.machine = machine
        _require("functions", set(functions), {f.name() for f in machine.functions})
        _require("constants", set(constants), {str(c) for c in machine.constants})
        self._names = tuple(python_names(machine).items())
        self._globals: dict[str, Any] = {"_TotalMap": TotalMap} | {
            f"_{name}": members for name, members in ENUMS.items()
        }
        self._globals |= {f"_f_{name}": function for name, function in functions.items()}
        self._globals |= {f"_k_{name}": value for name, value in constants.items()}
        self._terms: dict[int, tuple[Term, Callable[..., Any]]] = {}
        exec(code(machine), self._globals)
        self._compiled = {t.name: self._linked(t) for t in machine.transitions}
        self._init = {name: self.reader(term) for name, term in machine.init.items()}
        self._blank = {v.name: _default(v.sort) for v in machine.variables}
        for axiom in machine.axioms:
            self._check_axiom(axiom)

    def initial(self, **values: Any) -> State:
        """The initial state. `values` gives variables the machine leaves open; `c` and `e` matter, others
        have defaults.

        Variables fixed by the machine's `init` are computed unless given here. Raises ValueError for unknown
        names.
        """
        unknown = set(values) - set(self.machine.variable)
        if unknown:
            raise ValueError(f"unknown variables {sorted(unknown)}; the state has {', '.join(self.machine.variable)}")
        start = State({**self._blank, **values})
        for name, read in self._init.items():
            if name not in values:
                start._values[name] = read(start, start, {})  # nobody else has this state yet
        return start

    def enabled(self, state: State, name: str, **params: Any) -> bool:
        """Whether every guard of the transition holds (stops at the first that does not)."""
        return self._compiled[name].enabled(state._values, **params)

    def failing_guards(self, state: State, name: str, **params: Any) -> tuple[str, ...]:
        """Names of all guards of the transition that do not hold."""
        guards = self._compiled[name].guards
        return tuple(label for label, guard in guards.items() if not guard(state._values, **params))

    def step(self, state: State, name: str, **params: Any) -> State:
        """The state after the transition. Raises SpecViolation when a guard fails, KeyError for an unknown
        name and TypeError for wrong parameters."""
        compiled = self._compiled[name]
        values = state._values
        if not compiled.enabled(values, **params):
            raise SpecViolation(name, self.failing_guards(state, name, **params), params, state.get("phase"))
        return State({**values, **compiled.updates(values, **params)})

    def evaluate(
        self,
        term: Term,
        state: State,
        after: State | None = None,
        bindings: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        """The value of any executable term; `bindings` gives its parameters, `after` the state it reads
        primed."""
        return self.reader(term)(state, state if after is None else after, bindings)

    def reader(self, term: Term) -> Callable[[State, State, Mapping[str, Any]], Any]:
        """`evaluate` for one term asked many times: a function of the state, the state after, and the bindings."""
        if term.get_id() not in self._terms:
            # The term is kept beside its code: Z3 reuses the id of a term that was collected.
            self._terms[term.get_id()] = term, self._compile_term(term)
        return self._terms[term.get_id()][1]

    def _compile_term(self, term: Term) -> Callable[[State, State, Mapping[str, Any]], Any]:
        needed, compiled = expression(term, self._names)
        scope: dict[str, Any] = {}
        exec(compiled, self._globals, scope)
        function = scope["term"]

        def read(before: State, after: State, bindings: Mapping[str, Any]) -> Any:
            return function(before._values, after._values, *[bindings[name] for name in needed])

        return read

    def _linked(self, transition: Transition) -> CompiledTransition:
        name = transition.name
        return CompiledTransition(
            enabled=self._globals[f"enabled_{name}"],
            guards={label: self._globals[f"guard_{name}_{label}"] for label in transition.guards},
            updates=self._globals[f"updates_{name}"],
        )

    def _check_axiom(self, axiom: Axiom) -> None:
        if not axiom.over and not self.evaluate(axiom.term, State({})):
            raise ValueError(f"{self.machine.name}: the constants break the axiom {axiom.name}: {axiom.term}")


def _require(what: str, given: set[str], needed: set[str]) -> None:
    if given != needed:
        raise ValueError(f"{what}: missing {sorted(needed - given)}, unknown {sorted(given - needed)}")


def _default(sort: z3.SortRef) -> Any:
    if sort.kind() == z3.Z3_ARRAY_SORT:
        return TotalMap.constant(_default(sort.range()))
    if sort.name() in ENUMS:
        return next(iter(ENUMS[sort.name()]))
    return {z3.Z3_INT_SORT: 0, z3.Z3_BOOL_SORT: False}.get(sort.kind())
