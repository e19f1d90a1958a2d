"""A Z3 model read as Python: states, parameters and function tables the interpreter can run on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import z3

from stratus_spec import ENUMS, Interpreter, Machine, State, TotalMap
from stratus_spec.sorts import nobody

from .scope import INDEXES, SCOPE

TOPS = ("depth", "sent")
"""Variables that say where an array of entries or requests ends."""


@dataclass(frozen=True, eq=False)
class Reading:
    """Values of terms (written over the uninterpreted sorts) in a model found in scope.

    Members of uninterpreted sorts are read as strings, such as `field1` or `nobody`. `params` are terms of arguments,
    any of which may be an index.
    """

    machine: Machine
    model: z3.ModelRef
    params: tuple[Any, ...] = ()

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
        default = {z3.Z3_INT_SORT: -1, z3.Z3_BOOL_SORT: False}.get(term.sort().range().kind())
        result = TotalMap.constant(default)
        for key in self._keys(term.sort().domain()):
            result = result.store(self._python(key), self._python(z3.Select(term, key)))
        return result

    def _keys(self, sort: Any) -> Iterable[Any]:
        if sort.kind() != z3.Z3_INT_SORT:
            return SCOPE.members_of(sort)
        return [z3.IntVal(index) for index in self._indexes]

    @cached_property
    def _indexes(self) -> list[int]:
        near = [self.value(self.machine.variable[name].term) for name in self.machine.variable if name in TOPS]
        given = [self.value(term) for term in self.params if term.sort().kind() == z3.Z3_INT_SORT]
        return sorted({*INDEXES, *given, *(top + d for top in near for d in (-1, 0))})

    def _table(self, function: Any) -> Callable[..., Any]:
        """The function as the rows the model has, and one value for all other arguments.

        Z3's own evaluation would miss rows: a map with few keys has several forms, and rows are found by form.
        """
        sorts = [SCOPE.sort(function.domain(i)) for i in range(function.arity())]
        declaration = z3.Function(function.name(), *sorts, SCOPE.sort(function.range()))
        if all(declaration != known for known in self.model.decls()):
            anything = [z3.Const(f"any {index}", sort) for index, sort in enumerate(sorts)]
            return partial(_constant, self._python(declaration(*anything)))
        found = self.model[declaration]
        entries = [found.entry(index) for index in range(found.num_entries())]
        rows = {self._row(entry): self._python(entry.value()) for entry in entries}
        return partial(_lookup, rows, self._python(found.else_value()))

    def _row(self, entry: Any) -> tuple[Any, ...]:
        return tuple(self._python(entry.arg_value(index)) for index in range(entry.num_args()))

    @cached_property
    def _nobody(self) -> Any:
        return self.model.eval(SCOPE.term(nobody), model_completion=True)


def _constant(value: Any, *_arguments: Any) -> Any:
    return value


def _lookup(rows: Mapping[tuple[Any, ...], Any], otherwise: Any, *arguments: Any) -> Any:
    return rows.get(arguments, otherwise)
