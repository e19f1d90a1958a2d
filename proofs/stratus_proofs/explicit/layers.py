"""The symbolic reading of an instance: how many states Z3 finds at each distance from the initial ones.

Nothing here runs the interpreter. A state is a formula over cells (a scalar variable, or one key of an array); guards
and updates are the machine's own terms with the instance's members, tables and constants put in. Each layer is all
models of "one step from the layer before, and not met yet".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, reduce
from typing import Any, TypeAlias

import z3

from stratus_spec import ENUMS, TotalMap, Transition

from ..scope import Scope
from .instance import Instance

Cells: TypeAlias = tuple[Any, ...]
"""One term for each cell of a state, in the order of the machine's variables."""


def layers(instance: Instance, bound: int | None = None) -> tuple[int, ...]:
    """The number of states first reached in 0, 1, 2, ... steps, to the fixpoint or for `bound` steps.

    Raises RuntimeError when Z3 cannot say whether there are more.
    """
    symbols = _Symbols(instance)
    before, after = symbols.cells(""), symbols.cells("'")
    frontier = _all(_solver(symbols.initial(before)), before)
    solver = _solver(z3.Or([symbols.step(t, before, after) for t in instance.machine.transitions]))
    _forbid(solver, after, frontier)
    counts = list[int]()
    while frontier and (bound is None or len(counts) <= bound):
        counts.append(len(frontier))
        here = z3.Bool(f"layer {len(counts)}")
        solver.add(z3.Implies(here, z3.Or([_equal(before, state) for state in frontier])))
        frontier = _all(solver, after, here)
    return tuple(counts)


def _solver(formula: Any) -> z3.Solver:
    solver = z3.Solver()
    solver.add(formula)
    return solver


def _all(solver: z3.Solver, cells: Cells, *assumed: Any) -> list[Cells]:
    """All values of the cells in models of what the solver knows; it will not find them again."""
    found = list[Cells]()
    while (answer := solver.check(*assumed)) == z3.sat:
        model = solver.model()
        found.append(tuple(model.eval(cell, model_completion=True) for cell in cells))
        _forbid(solver, cells, found[-1:])
    if answer != z3.unsat:
        raise RuntimeError(f"Z3 gave up: {solver.reason_unknown()}")
    return found


def _forbid(solver: z3.Solver, cells: Cells, states: Iterable[Cells]) -> None:
    for state in states:
        solver.add(z3.Not(_equal(cells, state)))


def _equal(left: Iterable[Any], right: Iterable[Any]) -> Any:
    return z3.And([a == b for a, b in zip(left, right, strict=True)])


def _cells_only(formula: Any) -> Any:
    """The formula with arrays written out: search is some times faster without them."""
    return z3.simplify(formula, expand_select_store=True, expand_select_ite=True)


@cache
def _enumeration(sort: str, labels: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    # Z3 knows an enumeration by its name: those of other instances must be called otherwise.
    enumeration, members = z3.EnumSort(f"{sort} {labels}", list(labels))
    return enumeration, tuple(members)


class _Symbols:
    """An instance as formulas. Sorts are the machine's; terms are over the enumerations that stand for them."""

    def __init__(self, instance: Instance) -> None:
        self.instance, self.machine = instance, instance.machine
        known = {sort: _enumeration(sort, labels) for sort, labels in instance.members.items()}
        self.scope = Scope(
            {sort: made[0] for sort, made in known.items()}, {sort: made[1] for sort, made in known.items()}
        )
        constants = [(c, instance.constants[str(c)]) for c in self.machine.constants]
        self.constants = [(self.scope.term(c), self._value(value, c.sort())) for c, value in constants]
        self.tables = [self._table(function) for function in self.machine.functions]

    def cells(self, suffix: str) -> Cells:
        """A state's cells, as constants."""
        terms = [(v.sort, z3.Const(v.name, self.scope.sort(v.sort))) for v in self.machine.variables]
        parts = [part for sort, term in terms for part in self._parts(term, sort)]
        return tuple(z3.Const(f"{part}{suffix}", part.sort()) for part in parts)

    def initial(self, cells: Cells) -> Any:
        """That a state is an initial one."""
        state = self._state(cells)
        free = [v for v in self.machine.variables if v.name not in self.machine.init]
        choices = [self._one_of(state[v.name], v.sort, self.instance.starts(v.name)) for v in free]
        fixed = [self._is(name, state[name], self._put_in(term, state)) for name, term in self.machine.init.items()]
        return _cells_only(z3.And(*choices, *fixed))

    def step(self, transition: Transition, before: Cells, after: Cells) -> Any:
        """That a transition leads from one state to another within bounds, for some arguments."""
        old, new = self._state(before), self._state(after)
        arguments = [
            self._one_of(self.scope.term(p), p.sort(), self.instance.values(p.sort(), str(p)))
            for p in transition.params
        ]
        guards = [self._put_in(guard, old) for guard in transition.guards.values()]
        updates = {v.name: transition.updates.get(v.name, v.term) for v in self.machine.variables}
        moved = [self._is(name, new[name], self._put_in(term, old)) for name, term in updates.items()]
        inside = [bound for v in self.machine.variables for bound in self._bounds(v.name, v.sort, new[v.name])]
        return _cells_only(z3.And(*arguments, *guards, *moved, *inside))

    def _put_in(self, term: Any, state: Mapping[str, Any]) -> Any:
        """A term of the machine with its variables, constants and functions replaced by the instance's."""
        variables = [(self.scope.term(v.term), state[v.name]) for v in self.machine.variables]
        ground = z3.substitute(self.scope.term(term), *variables, *self.constants)
        return z3.substitute_funs(ground, *self.tables)

    def _parts(self, term: Any, sort: Any) -> list[Any]:
        """A term as the terms of its cells."""
        if sort.kind() != z3.Z3_ARRAY_SORT:
            return [term]
        return [part for key in self._keys(sort) for part in self._parts(term[key], sort.range())]

    def _state(self, cells: Cells) -> dict[str, Any]:
        """Each variable as a term over the cells."""
        rest = iter(cells)
        return {v.name: self._built(v.sort, rest, v.name) for v in self.machine.variables}

    def _built(self, sort: Any, cells: Iterator[Any], name: str = "") -> Any:
        """The next cells as a term of the sort."""
        if sort.kind() != z3.Z3_ARRAY_SORT:
            return next(cells)
        elsewhere = self._value(self.instance.values(sort.range(), name)[0], sort.range())
        start = z3.K(self.scope.sort(sort.domain()), elsewhere)
        return reduce(
            lambda array, key: z3.Store(array, key, self._built(sort.range(), cells)), self._keys(sort), start
        )

    def _keys(self, sort: Any) -> list[Any]:
        return [self._value(key, sort.domain()) for key in self.instance.keys(sort)]

    def _is(self, name: str, left: Any, right: Any) -> Any:
        return self._same(left, right, self.machine.variable[name].sort)

    def _same(self, left: Any, right: Any, sort: Any) -> Any:
        return _equal(self._parts(left, sort), self._parts(right, sort))

    def _one_of(self, term: Any, sort: Any, values: Iterable[Any]) -> Any:
        return z3.Or([self._same(term, self._value(value, sort), sort) for value in values])

    def _bounds(self, name: str, sort: Any, term: Any) -> list[Any]:
        allowed = self.instance.range(name)
        integers = [part for part in self._parts(term, sort) if z3.is_int(part)]
        return [bound for part in integers for bound in (part >= allowed.start, part < allowed.stop)]

    def _value(self, value: Any, sort: Any) -> Any:
        """A value of the interpreter as a term."""
        if isinstance(value, TotalMap):
            items = [self._value(value[key], sort.range()) for key in self.instance.keys(sort)]
            parts = [part for item in items for part in self._parts(item, sort.range())]
            return self._built(sort, iter(parts))
        if sort.kind() == z3.Z3_INT_SORT:
            return z3.IntVal(value)
        if sort.kind() == z3.Z3_BOOL_SORT:
            return z3.BoolVal(value)
        if sort.name() in ENUMS:
            return sort.constructor(list(ENUMS[sort.name()]).index(value))()
        return self.scope.member(self.scope.sort(sort), value)

    def _table(self, function: Any) -> tuple[Any, Any]:
        """A function in scope, and its values as one term over its arguments, the bound variables 0, 1, ..."""
        domain = [function.domain(i) for i in range(function.arity())]
        scoped = [self.scope.sort(sort) for sort in domain]
        given = [z3.Var(i, sort) for i, sort in enumerate(scoped)]
        rows = self.instance.rows(function)
        result = self._value(rows[-1][1], function.range())
        for arguments, value in rows[:-1]:
            hit = [self._same(g, self._value(a, s), s) for g, a, s in zip(given, arguments, domain, strict=True)]
            result = z3.If(z3.And(hit), self._value(value, function.range()), result)
        return z3.Function(function.name(), *scoped, self.scope.sort(function.range())), result
