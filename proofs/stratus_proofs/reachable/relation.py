"""One step of a machine in bits, translated once: every step of every run is an instance of it, by substitution.

Translating terms costs far more than putting other bits in the place of those they were translated to.
"""

from __future__ import annotations

import itertools
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import z3

from stratus_spec import Axiom, Machine, Property, Transition, Variable

from . import finite
from .blaster import Blaster, touched_keys

Bits: TypeAlias = dict[finite.Name, Any]
"""The bits of constants, by name."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The unknown bits of a step: the state it ends in, which transition it is, and the arguments of that one."""

    state: Bits
    chosen: tuple[Any, ...]
    params: Bits

    @classmethod
    def of(cls, machine: Machine, suffix: str) -> Frame:
        """Unknown bits under names that end in `suffix`."""
        return cls(
            state=unknowns((v.term for v in machine.variables), suffix),
            chosen=tuple(z3.Bool(f"{t.name}{suffix}") for t in machine.transitions),
            params=unknowns((p for t in machine.transitions for p in t.params), suffix),
        )

    @cached_property
    def leaves(self) -> list[Any]:
        """Every single bit or bit vector, in an order that is the same for all frames of a machine."""
        return finite.flat((self.chosen, *self.state.values(), *self.params.values()))


def unknowns(constants: Iterable[Any], suffix: str = "") -> Bits:
    """Unknown bits for constants."""
    named = {finite.name_of(constant): constant.sort() for constant in constants}
    return {name: finite.unknown(f"{name[0]}:{name[1]}{suffix}", sort) for name, sort in named.items()}


def in_scope(bits: Bits, constants: Iterable[Any]) -> Iterator[Any]:
    """The conditions that constants have values in scope."""
    for constant in constants:
        yield from finite.within(bits[finite.name_of(constant)], constant.sort())


@lru_cache(maxsize=4)
def relation(machine: Machine) -> Relation:
    """The machine in bits; the same one for the few machines asked about last."""
    return Relation(machine)


class Relation:
    """What holds of any step of a machine, and of the state after it: formulas over two frames that stand for any.

    `at` puts the frames of a run in their place. The formulas are made once, when they are first asked for.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.tables = {f.name(): finite.Table.of(f) for f in machine.functions}
        self.constants = _constants(machine)
        self.bindings: Bits = {}
        self._before, self._after = Frame.of(machine, "!before"), Frame.of(machine, "!after")
        primed = {(f"{name}'", sort): value for (name, sort), value in self._after.state.items()}
        self._moving = self._blaster(self._before.state, primed, self._after.params)
        self._settled = self._blaster(self._after.state)
        self._made: dict[tuple[str, Property], Any] = {}

    def at(self, formula: Any, before: Frame | None, after: Frame) -> Any:
        """A formula of this relation over frames of a run; one that speaks of the state after alone needs no other."""
        pairs = [*zip(self._after.leaves, after.leaves, strict=True)]
        if before is not None:
            pairs += zip(self._before.leaves, before.leaves, strict=True)
        return z3.substitute(formula, *pairs)

    @cached_property
    def shared(self) -> list[Any]:
        """What holds of constants and functions, at every step: they are in scope, in order, and as the axioms say."""
        rows = ((row, table.range) for table in self.tables.values() for row in table.rows)
        scope = (condition for row, sort in rows for condition in finite.within(row, sort))
        axioms = (instance for axiom in self.machine.axioms for instance in self._instances(axiom))
        return [*in_scope(self.constants, self.machine.constants), *scope, *self._sorted(), *axioms]

    @cached_property
    def initial(self) -> Any:
        """The state after is an initial one."""
        start = (
            finite.same(self._settled(self.machine.variable[name].term), self._settled(term))
            for name, term in self.machine.init.items()
        )
        return z3.And([*in_scope(self._after.state, self._variables), *start])

    @cached_property
    def step(self) -> Any:
        """The step is one of the machine's, whichever is chosen."""
        pairs = zip(self.machine.transitions, self._after.chosen, strict=True)
        possible = [z3.Implies(this, z3.And([*self._possible(transition)])) for transition, this in pairs]
        one = z3.PbEq([(this, 1) for this in self._after.chosen], 1)
        return z3.And([*self._in_scope(), *possible, one, *map(self._moved, self.machine.variables)])

    def violated(self, prop: Property) -> Any:
        """The property is false at the end of the step, and reads what is in scope. An invariant speaks of the state
        after alone."""
        return self._once("violated", prop, self._violated)

    def holds(self, invariant: Property) -> Any:
        """The invariant holds of the state after for every member in scope, wherever it reads what is in scope."""
        return self._once("holds", invariant, self._holds)

    def _once(self, kind: str, prop: Property, make: Callable[[Property], Any]) -> Any:
        if (kind, prop) not in self._made:
            self._made[kind, prop] = make(prop)
        return self._made[kind, prop]

    def _violated(self, prop: Property) -> Any:
        self.bindings |= unknowns(prop.over)
        if prop.kind == "invariant":
            return z3.And([z3.Not(self._settled(prop.term)), *_readable(prop.term, self._settled)])
        pairs = zip(self.machine.transitions, self._after.chosen, strict=True)
        chosen = z3.Or([z3.BoolVal(False), *(this for transition, this in pairs if prop.where(transition))])
        return z3.And([chosen, z3.Not(self._moving(prop.term)), *_readable(prop.term, self._moving)])

    def _holds(self, invariant: Property) -> Any:
        return z3.And([*self._instances(invariant, self._after.state)])

    def _instances(self, statement: Axiom | Property, *state: Bits) -> Iterator[Any]:
        anybody = unknowns(statement.over, "!any")
        blaster, bits = self._blaster(anybody, *state), finite.flat(tuple(anybody.values()))
        formula = z3.Implies(z3.And([*_readable(statement.term, blaster)]), blaster(statement.term))
        for combination in itertools.product(*(finite.members(constant.sort()) for constant in statement.over)):
            named = tuple(finite.literal(c.sort(), m) for c, m in zip(statement.over, combination, strict=True))
            yield z3.substitute(formula, *zip(bits, finite.flat(named), strict=True))

    def _blaster(self, *known: Bits) -> Blaster:
        return Blaster(ChainMap(*known, self.constants, self.bindings), self.tables)

    @property
    def _variables(self) -> list[Any]:
        return [v.term for v in self.machine.variables]

    def _in_scope(self) -> Iterator[Any]:
        yield from in_scope(self._after.state, self._variables)
        yield from in_scope(self._after.params, (p for t in self.machine.transitions for p in t.params))

    def _possible(self, transition: Transition) -> Iterator[Any]:
        """The conditions that the step may be this transition."""
        yield from map(self._moving, transition.guards.values())
        for term in (*transition.guards.values(), *transition.updates.values()):
            yield from _readable(term, self._moving)

    def _moved(self, variable: Variable) -> Any:
        """A variable is after the step what the chosen transition makes of it."""
        moved = self._moving(variable.term)
        for transition, this in zip(self.machine.transitions, self._after.chosen, strict=True):
            if variable.name in transition.updates:
                moved = finite.choose(this, self._moving(transition.updates[variable.name]), moved)
        return finite.same(self._moving(variable.primed), moved)

    def _sorted(self) -> Iterator[Any]:
        """Members of a sort that have no name are interchangeable: let them be in the order of one function of them."""
        named = [c.sort() for c in self.machine.constants if c.sort().kind() == z3.Z3_UNINTERPRETED_SORT]
        ordered: list[Any] = []
        for table in self.tables.values():
            if len(table.sorts) == 1 and table.sorts[0] not in ordered and finite.is_plain(table):
                ordered.append(table.sorts[0])
                rows = table.rows[1 if table.sorts[0] in named else 0 :]
                yield from (z3.ULE(low, high) for low, high in itertools.pairwise(rows))


def _readable(term: Any, blaster: Blaster) -> Iterator[Any]:
    """The conditions that a term reads and writes arrays at keys in scope: elsewhere bits say nothing of it."""
    yield from (finite.indexes(blaster(key)) for key in touched_keys(term))


def _constants(machine: Machine) -> Bits:
    """Members of a sort are interchangeable: the first constant that names one may as well name the first."""
    values = unknowns(machine.constants)
    for constant in reversed(machine.constants):
        if constant.sort().kind() == z3.Z3_UNINTERPRETED_SORT:
            first = next(c for c in machine.constants if c.sort() == constant.sort())
            values[finite.name_of(first)] = finite.literal(constant.sort(), 0)
    return values
