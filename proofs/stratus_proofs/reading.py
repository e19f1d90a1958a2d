"""A Z3 model read as Python: states, parameters and function tables the interpreter can run on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import z3

from stratus_spec import ENUMS, Interpreter, Machine, State, TotalMap
from stratus_spec.sorts import nobody

from .scope import SCOPE

FIRST_INDEXES = range(-1, 8)


@dataclass(frozen=True, eq=False)
class Reading:
    """Values of terms (written over the uninterpreted sorts) in a model found in scope.

    Members of uninterpreted sorts are read as strings, such as `field1` or `nobody`. `arrays` are the
    configurations functions may be asked about.
    """

    machine: Machine
    model: z3.ModelRef
    arrays: tuple[Any, ...]

    def value(self, term: Any) -> Any:
        """The term's value as the interpreter would hold it."""
        return self._python(SCOPE.term(term))

    def state(self, terms: Mapping[str, Any]) -> State:
        """The state whose variables have these terms."""
        return State({variable.name: self.value(terms[variable.name]) for variable in self.machine.variables})

    def interpreter(self, machine: Machine) -> Interpreter:
        """An interpreter in which functions and constants are the model's."""
        functions = {f.name(): self._table(f) for f in machine.functions}
        return Interpreter(machine, functions, {str(c): self.value(c) for c in machine.constants})

    def _python(self, term: Any) -> Any:
        sort = term.sort()
        if sort.kind() == z3.Z3_ARRAY_SORT:
            return self._map(term)
        value = self.model.eval(term, model_completion=True)
        if sort.kind() == z3.Z3_INT_SORT:
            return value.as_long()
        if sort.kind() == z3.Z3_BOOL_SORT:
            return z3.is_true(value)
        if sort.name() in ENUMS:
            return ENUMS[sort.name()](value.decl().name())
        return "nobody" if value.eq(self._nobody) else value.decl().name()

    def _map(self, term: Any) -> TotalMap[Any, Any]:
        default = -1 if term.sort().range().kind() == z3.Z3_INT_SORT else None
        result = TotalMap.constant(default)
        for key in self._keys(term.sort().domain()):
            result = result.store(self._python(key), self._python(z3.Select(term, key)))
        return result

    def _keys(self, sort: Any) -> Iterable[Any]:
        if sort.kind() != z3.Z3_INT_SORT:
            return SCOPE.members_of(sort)
        depth = self.value(self.machine.variable["depth"].term)
        return [z3.IntVal(i) for i in sorted({*FIRST_INDEXES, depth - 1, depth})]

    def _table(self, function: Any) -> Callable[..., Any]:
        sorts = [SCOPE.sort(function.domain(i)) for i in range(function.arity())]
        declaration = z3.Function(function.name(), *sorts, SCOPE.sort(function.range()))

        @cache
        def lookup(*arguments: Any) -> Any:
            terms = [self._term(argument, sort) for argument, sort in zip(arguments, sorts, strict=True)]
            return self._python(declaration(*terms))

        return lookup

    def _term(self, value: Any, sort: Any) -> Any:
        if isinstance(value, TotalMap):
            return self._configurations[value]
        return self._nobody if value == "nobody" else SCOPE.member(sort, value)

    @cached_property
    def _nobody(self) -> Any:
        return self.model.eval(SCOPE.term(nobody), model_completion=True)

    @cached_property
    def _configurations(self) -> dict[TotalMap[Any, Any], Any]:
        distinct = {term.get_id(): term for term in map(SCOPE.term, self.arrays)}
        return {self._map(term): term for term in distinct.values()}
