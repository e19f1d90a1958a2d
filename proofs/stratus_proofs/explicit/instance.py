"""A machine made finite: so many members of each sort, integers within bounds, functions that are given.

What is found of an instance is found of these bounds and of nothing else. Three readers take the same instance: the
explorer (`explore.py`), Z3 (`layers.py`) and TLC (`export/tla.py`); their counts of reachable states must be equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import z3

from stratus_spec import ENUMS, Interpreter, Machine, MachineError, Property, State, TotalMap, Transition

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Instance:
    """A machine, what is claimed of it, and the bounds it is looked at in.

    `members` are the labels of each uninterpreted sort. `functions` and `constants` are what the interpreter takes.
    Integer variables and parameters take the values `ranges` gives them by name, `integers` otherwise: a step that
    would leave them is not taken. `indexes` are the keys of arrays over integers. Variables the machine's `init` leaves
    open start at every value if they are in `anywhere`, else at the first value of their sort.
    """

    name: str
    machine: Machine
    properties: tuple[Property, ...]
    members: Mapping[str, tuple[str, ...]]
    functions: Mapping[str, Callable[..., Any]]
    constants: Mapping[str, Any]
    integers: range = range(-1, 3)
    ranges: Mapping[str, range] = field(default_factory=dict)
    indexes: range = range(-1, 3)
    anywhere: tuple[str, ...] = ()

    @cached_property
    def interpreter(self) -> Interpreter:
        """The machine with these functions and constants. Raises ValueError when they break an axiom."""
        interpreter = Interpreter(self.machine, self.functions, self.constants)
        for axiom in self.machine.axioms:
            for bindings in self.bindings(axiom.over):
                if not interpreter.evaluate(axiom.term, State({}), bindings=bindings):
                    raise ValueError(f"instance {self.name}: {bindings} breaks the axiom {axiom.name}")
        return interpreter

    def values(self, sort: Any, name: str = "") -> list[Any]:
        """Every value of a sort; integers in it are those the variable or parameter of that name may take."""
        kind = sort.kind()
        if kind == z3.Z3_ARRAY_SORT:
            return list(self._maps(sort, name))
        if kind == z3.Z3_INT_SORT:
            return list(self.range(name))
        if kind == z3.Z3_BOOL_SORT:
            return [False, True]
        known = ENUMS.get(sort.name(), self.members.get(sort.name()))
        if known is None:
            raise MachineError(f"instance {self.name}: members of {sort.name()} are not given")
        return list(known)

    def keys(self, sort: Any) -> list[Any]:
        """The keys of arrays of a sort."""
        integers = sort.domain().kind() == z3.Z3_INT_SORT
        return list(self.indexes) if integers else self.values(sort.domain())

    def range(self, name: str) -> range:
        """The integers a variable or parameter may take."""
        return self.ranges.get(name, self.integers)

    def bindings(self, terms: tuple[Any, ...]) -> list[dict[str, Any]]:
        """Every choice of values for constants, such as a transition's parameters, by name."""
        domains = [self.values(term.sort(), str(term)) for term in terms]
        return [dict(zip(map(str, terms), values, strict=True)) for values in itertools.product(*domains)]

    def calls(self, transition: Transition) -> list[dict[str, Any]]:
        """Every choice of a transition's arguments."""
        return self.bindings(transition.params)

    def rows(self, function: Any) -> list[tuple[tuple[Any, ...], Any]]:
        """A function's table: every choice of arguments with its value."""
        domains = [self.values(function.domain(i)) for i in range(function.arity())]
        call = self.functions[function.name()]
        return [(arguments, call(*arguments)) for arguments in itertools.product(*domains)]

    def initial_states(self) -> Iterator[State]:
        """The states the instance starts in."""
        free = [v for v in self.machine.variables if v.name not in self.machine.init]
        choices = [self.starts(v.name) for v in free]
        for values in itertools.product(*choices):
            yield self.interpreter.initial(**dict(zip((v.name for v in free), values, strict=True)))

    def starts(self, name: str) -> list[Any]:
        """The values a variable that `init` leaves open starts at."""
        values = self.values(self.machine.variable[name].sort, name)
        return values if name in self.anywhere else values[:1]

    def within(self, state: Mapping[str, Any]) -> bool:
        """Whether every integer of a state lies in its range.

        Raises MachineError when an array over integers was written outside `indexes`.
        """
        return all(bounds.hold(state[name]) for name, bounds in self._bounds)

    @cached_property
    def _bounds(self) -> list[tuple[str, _Bounds]]:
        integral = [v for v in self.machine.variables if _has_integers(v.sort)]
        return [(v.name, _Bounds.of(self, v.name, v.sort)) for v in integral]

    def _maps(self, sort: Any, name: str) -> Iterator[TotalMap[Any, Any]]:
        keys, items = self.keys(sort), self.values(sort.range(), name)
        for values in itertools.product(items, repeat=len(keys)):
            result = TotalMap.constant(items[0])
            for key, value in zip(keys, values, strict=True):
                result = result.store(key, value)
            yield result


@dataclass(frozen=True)
class _Bounds:
    """What a variable's integers must keep to: its values `allowed`, at `keys` if it is an array; an array over
    integers is written at `indexes` only."""

    where: str
    allowed: range | None
    keys: tuple[Any, ...] | None
    indexes: range | None

    @classmethod
    def of(cls, instance: Instance, name: str, sort: Any) -> _Bounds:
        where = f"instance {instance.name}: {name}"
        if sort.kind() == z3.Z3_INT_SORT:
            return cls(where, instance.range(name), None, None)
        allowed = instance.range(name) if sort.range().kind() == z3.Z3_INT_SORT else None
        indexes = instance.indexes if sort.domain().kind() == z3.Z3_INT_SORT else None
        return cls(where, allowed, tuple(instance.keys(sort)), indexes)

    def hold(self, value: Any) -> bool:
        if self.keys is None:
            return self.allowed is None or value in self.allowed
        if self.indexes is not None and any(key not in self.indexes for key in value.changes):
            raise MachineError(f"{self.where} is written outside indexes {self.indexes}; widen them")
        return self.allowed is None or all(value[key] in self.allowed for key in self.keys)


def _has_integers(sort: Any) -> bool:
    if sort.kind() == z3.Z3_ARRAY_SORT:
        return z3.Z3_INT_SORT in (sort.domain().kind(), sort.range().kind())
    return bool(sort.kind() == z3.Z3_INT_SORT)
