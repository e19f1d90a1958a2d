"""Bounded model checking: the shortest runs from an initial state to a broken property, in a finite scope.

Breadth first over the number of steps: when depth n has an answer, every depth below has been refuted, for all initial
states, arguments and interpretations in scope (`finite.py`). The interpreter executes each run found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import z3

from stratus_spec import Axiom, Machine, Property, Transition, Variable

from . import finite
from .decoding import Bits, Decoder, Trace

BOUND = 14
"""Steps searched by default."""
SMALL = 2
MEANT = ("c", "e")
"""Variables whose first value matters to a reader."""


def deepening(machine: Machine, properties: tuple[Property, ...], bound: int = BOUND) -> Iterator[list[Trace]]:
    """For each length from 0 to `bound`: the properties first broken by runs of that length, each with such a run."""
    unrolling, left = Unrolling(machine, properties), list(properties)
    for depth in range(bound + 1):
        if depth:
            unrolling.extend()
        found = list(unrolling.broken(left))
        yield found
        left = [p for p in left if all(p.name != trace.prop for trace in found)]
        # What no run of this length breaks helps to refute the longer ones.
        unrolling.assume(left)


def shortest(machine: Machine, properties: tuple[Property, ...], bound: int = BOUND) -> dict[str, Trace]:
    """For each property that a run of at most `bound` steps breaks, a shortest such run, by name of the property."""
    found: dict[str, Trace] = {}
    for traces in deepening(machine, properties, bound):
        found |= {trace.prop: trace for trace in traces}
        if len(found) == len(properties):
            break
    return found


def along(machine: Machine, properties: tuple[Property, ...], path: tuple[str, ...]) -> dict[str, Trace]:
    """Runs that take these transitions in turn and break a property at their end; they need not be shortest ones."""
    others = [t.name for t in machine.transitions if t.name not in path]
    unrolling = Unrolling(machine.without_transitions(*others), properties)
    for name in path:
        unrolling.extend()
        unrolling.take(name)
    return {trace.prop: trace for trace in unrolling.broken(list(properties))}


class Unrolling:
    """Runs of a machine of growing length, as constraints on one solver.

    `properties` are those it will be asked about.
    """

    def __init__(self, machine: Machine, properties: tuple[Property, ...]) -> None:
        self.machine = machine
        self.tables = {f.name(): finite.Table.of(f) for f in machine.functions}
        self.constants = _constants(machine)
        self.bindings = _unknowns("", (constant for prop in properties for constant in prop.over))
        self.states = [self._unknown_state(0)]
        self.choices: list[list[Any]] = []
        self.params: list[dict[finite.Name, Any]] = []
        self._bits = Bits(machine, self.tables, self.constants, self.bindings, self.states, self.choices, self.params)
        self._solver = z3.SolverFor("QF_FD")
        self._begin(properties)

    def extend(self) -> None:
        """Make runs one step longer."""
        number = len(self.states)
        params = _unknowns(f"!{number}", (p for t in self.machine.transitions for p in t.params))
        chosen = [z3.Bool(f"{t.name}!{number}") for t in self.machine.transitions]
        self.states.append(self._unknown_state(number))
        self.params.append(params)
        self.choices.append(chosen)
        self._in_scope(self.states[-1], (v.term for v in self.machine.variables))
        self._in_scope(params, (p for t in self.machine.transitions for p in t.params))
        self._step = self._blaster(self.states[-2], self.states[-1], params)
        for transition, this in zip(self.machine.transitions, chosen, strict=True):
            self._solver.add(z3.Implies(this, z3.And(list(self._possible(transition)))))
        self._solver.add(z3.PbEq([(this, 1) for this in chosen], 1))
        for variable in self.machine.variables:
            self._solver.add(finite.same(self._step(variable.primed), self._moved(variable)))
        self._here = self._blaster(self.states[-1], {}, {})

    def take(self, name: str) -> None:
        """Let the last step be this transition."""
        number = next(i for i, t in enumerate(self.machine.transitions) if t.name == name)
        self._solver.add(self.choices[-1][number])

    def broken(self, properties: list[Property]) -> Iterator[Trace]:
        """The properties that a run of the present length breaks at its end, each with such a run."""
        claims = {p.name: z3.Bool(f"{p.name} is broken at {len(self.states)}") for p in properties}
        self._solver.push()
        self._solver.add(*(z3.Implies(claims[p.name], self._violation(p)) for p in properties))
        self._solver.add(z3.Or(list(claims.values())))
        while self._solver.check() == z3.sat:
            model = self._solver.model()
            hit = next(p for p in properties if z3.is_true(model.eval(claims[p.name])))
            yield Decoder(self._bits, self._tidied(claims[hit.name], model)).trace(hit)
            self._solver.add(z3.Not(claims[hit.name]))
        self._solver.pop()

    def _tidied(self, claim: Any, model: Any) -> Any:
        """A model of the same claim that starts from zeros and has small constants, if there is one."""
        self._solver.push()
        self._solver.add(claim)
        for preference in self._tidy:
            self._solver.push()
            self._solver.add(*preference)
            if self._solver.check() == z3.sat:
                model = self._solver.model()
            else:
                self._solver.pop()
                break
        self._solver.pop(self._solver.num_scopes() - 1)
        return model

    def assume(self, properties: list[Property]) -> None:
        """Let invariants hold at the end of every run of the present length."""
        for prop in properties:
            if prop.kind == "invariant" and len(prop.over) < 2:
                self._solver.add(*self._instances(prop, self.states[-1]))

    def _begin(self, properties: tuple[Property, ...]) -> None:
        self._in_scope(self.states[0], (v.term for v in self.machine.variables))
        self._in_scope(self.constants, self.machine.constants)
        self._in_scope(self.bindings, (constant for prop in properties for constant in prop.over))
        indexes = (value for (_, sort), value in self.bindings.items() if sort == "Int")
        self._solver.add(*(finite.indexes(value) for value in indexes))
        for table in self.tables.values():
            self._solver.add(*(c for row in table.rows for c in finite.within(row, table.range)))
        self._solver.add(*self._sorted())
        for axiom in self.machine.axioms:
            self._solver.add(*self._instances(axiom, {}))
        self._here = self._blaster(self.states[0], {}, {})
        for name, term in self.machine.init.items():
            self._solver.add(finite.same(self._here(self.machine.variable[name].term), self._here(term)))

    @cached_property
    def _tidy(self) -> list[list[Any]]:
        free = [v for v in self.machine.variables if v.name not in self.machine.init and v.name not in MEANT]
        values = [(self.states[0][finite.name_of(v.term)], v.sort) for v in free]
        zeros = [bit == finite.zero(sort) for value, sort in values for bit, sort in finite.leaves(value, sort)]
        integers = [value for (_, sort), value in self.constants.items() if sort == "Int"]
        return [zeros, [value <= SMALL for value in integers]]

    def _sorted(self) -> Iterator[Any]:
        """Members of a sort that have no name are interchangeable: let them be in the order of one function of them."""
        named = [c.sort() for c in self.machine.constants if c.sort().kind() == z3.Z3_UNINTERPRETED_SORT]
        ordered: list[Any] = []
        for table in self.tables.values():
            if len(table.sorts) == 1 and table.sorts[0] not in ordered and finite.is_plain(table):
                ordered.append(table.sorts[0])
                rows = table.rows[1 if table.sorts[0] in named else 0 :]
                yield from (z3.ULE(low, high) for low, high in itertools.pairwise(rows))

    def _possible(self, transition: Transition) -> Iterator[Any]:
        """The conditions that the last step may be this transition."""
        yield from (self._step(guard) for guard in transition.guards.values())
        for term in (*transition.guards.values(), *transition.updates.values()):
            yield from (finite.indexes(self._step(key)) for key in finite.touched_keys(term))

    def _moved(self, variable: Variable) -> Any:
        """What a variable is after the last step, whichever it is."""
        moved = self._step(variable.term)
        for transition, this in zip(self.machine.transitions, self.choices[-1], strict=True):
            if variable.name in transition.updates:
                moved = finite.choose(this, self._step(transition.updates[variable.name]), moved)
        return moved

    def _violation(self, prop: Property) -> Any:
        if prop.kind == "invariant":
            return z3.Not(self._here(prop.term))
        if not self.choices:
            return z3.BoolVal(False)
        pairs = zip(self.machine.transitions, self.choices[-1], strict=True)
        chosen = [this for transition, this in pairs if prop.where(transition)]
        return z3.And(z3.Or([z3.BoolVal(False), *chosen]), z3.Not(self._step(prop.term)))

    def _instances(self, statement: Axiom | Property, state: Mapping[finite.Name, Any]) -> Iterator[Any]:
        """A statement for every member in scope."""
        for combination in itertools.product(*(finite.members(constant.sort()) for constant in statement.over)):
            pairs = zip(statement.over, combination, strict=True)
            yield self._blaster(state, {}, {finite.name_of(c): finite.literal(c.sort(), m) for c, m in pairs})(
                statement.term
            )

    def _blaster(
        self, before: Mapping[finite.Name, Any], after: Mapping[finite.Name, Any], given: Mapping[finite.Name, Any]
    ) -> finite.Blaster:
        primed = {(f"{name}'", sort): value for (name, sort), value in after.items()}
        return finite.Blaster({**self.constants, **self.bindings, **before, **primed, **given}, self.tables)

    def _unknown_state(self, number: int) -> dict[finite.Name, Any]:
        return _unknowns(f"!{number}", (v.term for v in self.machine.variables))

    def _in_scope(self, values: Mapping[finite.Name, Any], constants: Iterable[Any]) -> None:
        for constant in constants:
            self._solver.add(*finite.within(values[finite.name_of(constant)], constant.sort()))


def _constants(machine: Machine) -> dict[finite.Name, Any]:
    """Members of a sort are interchangeable: the first constant that names one may as well name the first."""
    values = _unknowns("", machine.constants)
    for constant in reversed(machine.constants):
        if constant.sort().kind() == z3.Z3_UNINTERPRETED_SORT:
            first = next(c for c in machine.constants if c.sort() == constant.sort())
            values[finite.name_of(first)] = finite.literal(constant.sort(), 0)
    return values


def _unknowns(suffix: str, constants: Iterable[Any]) -> dict[finite.Name, Any]:
    """Unknown bits for constants."""
    named = {finite.name_of(constant): constant.sort() for constant in constants}
    return {name: finite.unknown(f"{name[0]}:{name[1]}{suffix}", sort) for name, sort in named.items()}
