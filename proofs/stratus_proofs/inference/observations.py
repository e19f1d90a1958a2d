"""What a specification's witnesses visit: states any lemma must hold in, so that wrong ones are dropped unproved."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import z3

from stratus_spec import ANY, Interpreter, Machine, Property, Specification, State
from stratus_spec.terms import free_names

from ..reading import Reading
from ..scope import SCOPE
from ..witness import question

BUDGET = {"rlimit": 20_000_000}
NUMBERS = range(-1, 4)


@dataclass(frozen=True, eq=False)
class Observations:
    """States of real runs, each with the interpreter whose functions it belongs to, and the indexes to try."""

    points: tuple[tuple[Interpreter, State], ...]
    indexes: tuple[Any, ...]

    @cached_property
    def everywhere(self) -> int:
        """The mask of every point."""
        return (1 << len(self.points) * len(self._choices)) - 1

    def mask(self, atom: Any) -> int:
        """Where an atom holds: one bit for each choice of indexes and each point."""
        used = [number for number, index in enumerate(self.indexes) if str(index) in free_names(atom)]
        blocks: dict[tuple[Any, ...], int] = {}
        mask = 0
        for place, choice in enumerate(self._choices):
            own = tuple(choice[number] for number in used)
            if own not in blocks:
                blocks[own] = self._block(atom, {str(self.indexes[n]): choice[n] for n in used})
            mask |= blocks[own] << (place * len(self.points))
        return mask

    def _block(self, atom: Any, bindings: Mapping[str, Any]) -> int:
        held = (interpreter.evaluate(atom, state, bindings=bindings) for interpreter, state in self.points)
        return sum(1 << place for place, value in enumerate(held) if value)

    @cached_property
    def _choices(self) -> list[tuple[Any, ...]]:
        return list(itertools.product(*(_members(index) for index in self.indexes)))


def observe(specification: Specification, indexes: tuple[Any, ...]) -> Observations:
    """The states of the witnesses' runs, whatever the environment does; of steps runs share, those of the longest."""
    points: dict[tuple[str, ...], tuple[Interpreter, State]] = {}
    for prop in sorted(specification.claimed(ANY), key=lambda p: -len(p.path)):
        if prop.path not in points:
            points = {**dict(_run(specification.machine, prop)), **points}
    return Observations(tuple(points.values()), indexes)


def _run(machine: Machine, prop: Property) -> Iterator[tuple[tuple[str, ...], tuple[Interpreter, State]]]:
    run, solver = question(machine, prop, BUDGET)
    if solver.check() != z3.sat:
        return
    reading = Reading(machine, solver.model())
    interpreter = reading.interpreter(machine)
    state = interpreter.initial(
        **{v.name: reading.value(v.term) for v in machine.variables if v.name not in machine.init}
    )
    yield (), (interpreter, state)
    for number, (name, params) in enumerate(zip(prop.path, run.params, strict=True), start=1):
        state = interpreter.step(state, name, **{key: reading.value(term) for key, term in params.items()})
        yield prop.path[:number], (interpreter, state)


def _members(index: Any) -> tuple[Any, ...]:
    return tuple(NUMBERS) if index.sort().kind() == z3.Z3_INT_SORT else SCOPE.labels(index.sort())
