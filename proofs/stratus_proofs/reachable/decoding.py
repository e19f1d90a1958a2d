"""Runs found by bounded model checking, read from a model and executed by the interpreter."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import z3

from stratus_spec import Interpreter, Property, State, TotalMap

from ..counterexample import seen
from ..witness import Step
from . import finite
from .relation import Frame, Relation


@dataclass(frozen=True)
class Trace:
    """A run from an initial state that ends in a broken property; no run in scope that breaks it is shorter.

    `bindings` are the values of the property's universal constants, `constants` those of the machine.
    """

    prop: str
    initial: State
    steps: tuple[Step, ...]
    constants: Mapping[str, Any]
    bindings: Mapping[str, Any]
    interpreter: Interpreter = field(repr=False, compare=False)

    @property
    def states(self) -> tuple[State, ...]:
        """The states of the run, the initial one first."""
        return (self.initial, *(step.state for step in self.steps))


class ReadingsDisagree(AssertionError):
    """Z3 found a run that the interpreter does not confirm: a bug of this package."""


@dataclass(frozen=True, eq=False)
class Decoder:
    """A model of the unknown bits of a run, read as Python."""

    relation: Relation
    frames: list[Frame]
    model: Any

    def trace(self, prop: Property) -> Trace:
        """The run, executed by the interpreter. Raises ReadingsDisagree when it does not break the property."""
        machine, interpreter = self.relation.machine, self.interpreter
        free = [v.term for v in machine.variables if v.name not in machine.init]
        states, steps = [interpreter.initial(**self.given(free, self.frames[0].state))], []
        for frame in self.frames[1:]:
            pairs = zip(machine.transitions, frame.chosen, strict=True)
            transition = next(t for t, this in pairs if z3.is_true(self.model.eval(this)))
            arguments = self.given(transition.params, frame.params)
            states.append(interpreter.step(states[-1], transition.name, **arguments))
            steps.append(Step(transition.name, arguments, states[-1]))
        bindings = self.given(prop.over, self.relation.bindings)
        given = {**(steps[-1].params if steps else {}), **bindings}
        if interpreter.evaluate(prop.term, *seen(prop, states[-2] if steps else states[0], states[-1]), given):
            raise ReadingsDisagree(f"{prop.name} holds at the end of {[step.transition for step in steps]}")
        return Trace(prop.name, states[0], tuple(steps), self.constants, bindings, interpreter)

    def given(self, constants: Iterable[Any], bits: Mapping[finite.Name, Any]) -> dict[str, Any]:
        """The values of constants, by name."""
        return {str(c): self.value(bits[finite.name_of(c)], c.sort()) for c in constants}

    @cached_property
    def constants(self) -> dict[str, Any]:
        """The machine's constants."""
        return self.given(self.relation.machine.constants, self.relation.constants)

    @cached_property
    def interpreter(self) -> Interpreter:
        """The machine with the model's functions."""
        functions = {name: self._function(table) for name, table in self.relation.tables.items()}
        return Interpreter(self.relation.machine, functions, self.constants)

    def value(self, bits: Any, sort: Any) -> Any:
        """The value that bits stand for."""
        if sort.kind() == z3.Z3_ARRAY_SORT:
            return self._map(bits, sort)
        known = self.model.eval(bits, model_completion=True)
        if sort.kind() == z3.Z3_BOOL_SORT:
            return z3.is_true(known)
        if sort.kind() == z3.Z3_INT_SORT:
            return known.as_signed_long()
        return self._label(sort, known.as_long())

    def _label(self, sort: Any, index: int) -> Any:
        named = [c for c in self.relation.machine.constants if c.sort() == sort]
        return str(named[0]) if named and index == 0 else finite.label(sort, index)

    def _map(self, items: Any, sort: Any) -> TotalMap[Any, Any]:
        default = -1 if sort.range().kind() == z3.Z3_INT_SORT else None
        result = TotalMap.constant(default)
        for key, item in zip(finite.keys(sort.domain()), items, strict=True):
            result = result.store(self._label_key(sort.domain(), key), self.value(item, sort.range()))
        return result

    def _label_key(self, sort: Any, key: int) -> Any:
        return key if sort.kind() == z3.Z3_INT_SORT else self._label(sort, key)

    def _function(self, table: finite.Table) -> Any:
        rows = [self.value(row, table.range) for row in table.rows]
        domains = [[self._plain(sort, m) for m in finite.members(sort)] for sort in table.sorts]
        known = dict(zip(itertools.product(*domains), rows, strict=True))
        return lambda *arguments: known[arguments]

    def _plain(self, sort: Any, member: Any) -> Any:
        """A member as a value of the interpreter."""
        if sort.kind() != z3.Z3_ARRAY_SORT:
            return self._label_key(sort, member)
        labels = {self._label_key(sort.domain(), k): self._plain(sort.range(), m) for k, m in enumerate(member)}
        result = TotalMap.constant(-1 if sort.range().kind() == z3.Z3_INT_SORT else None)
        for key, value in labels.items():
            result = result.store(key, value)
        return result
