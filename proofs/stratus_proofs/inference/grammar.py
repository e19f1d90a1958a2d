"""Candidate lemmas, built from nothing but a machine's declarations.

*Terms* are the variables, what arrays hold at an arbitrary index (one constant for each kind of index, two reads deep),
and functions of those whose values are enumerated. *Atoms* compare terms of one kind (see `units.py`). A *lemma* says
that an atom holds: always, when a simple atom does, or when a transition that no agent takes is possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import z3

from stratus_spec import Machine, Transition
from stratus_spec.terms import free_names

from .units import Slot, Units

READS = 2


@dataclass(frozen=True, eq=False)
class Lemma:
    """`term`, an implication or (`premise` None) the conclusion itself, for all `over`."""

    premise: Any
    conclusion: Any
    term: Any
    over: tuple[Any, ...]

    @cached_property
    def text(self) -> str:
        """The lemma as one line."""
        return " ".join(str(self.term).split())

    @property
    def plain(self) -> bool:
        """It says something, and speaks of at most one index: of two, lemmas are many and needed ones few."""
        return not z3.is_true(z3.simplify(self.term)) and len(self.over) <= 1

    @property
    def cost(self) -> tuple[int, str]:
        """Orders lemmas from simple to complicated."""
        return len(self.text), self.text


@dataclass(frozen=True, eq=False)
class Grammar:
    """What can be said about the states of a machine."""

    machine: Machine

    @cached_property
    def units(self) -> Units:
        """The kinds of the machine's values."""
        return Units.of(self.machine)

    @cached_property
    def indexes(self) -> dict[Slot, Any]:
        """One constant for each kind of array index, named after the first array it is for."""
        found: dict[Slot, Any] = {}
        for variable in self.machine.variables:
            if variable.sort.kind() == z3.Z3_ARRAY_SORT:
                kind = self.units.kind(("key", variable.name))
                found.setdefault(kind, z3.Const(f"at_{variable.name}", variable.sort.domain()))
        return found

    @cached_property
    def terms(self) -> list[Any]:
        """Variables, indexes, reads, and enumerated functions of them."""
        variables = [v.term for v in self.machine.variables]
        arrays = [term for term in variables if term.sort().kind() == z3.Z3_ARRAY_SORT]
        found, keys = [*variables, *self.indexes.values()], list(self.indexes.values())
        for _ in range(READS):
            keys = [
                array[key]
                for array in arrays
                for key in keys
                if self._kind(key) == self.units.kind(("key", str(array)))
            ]
            found += keys
        return [*found, *self._applied(found)]

    def _applied(self, arguments: Sequence[Any]) -> Iterator[Any]:
        for function in self.machine.functions:
            if function.arity() == 1 and function.range().kind() == z3.Z3_DATATYPE_SORT:
                yield from (function(term) for term in arguments if term.sort() == function.domain(0))

    def _kind(self, term: Any) -> Any:
        """What a term may be compared with: terms of the same kind, or of the same enumeration."""
        if term.sort().kind() in (z3.Z3_BOOL_SORT, z3.Z3_DATATYPE_SORT):
            return term.sort().name()
        known = {index.get_id(): kind for kind, index in self.indexes.items()}
        if term.sort().kind() == z3.Z3_ARRAY_SORT:
            return "array", self.units.kind(("key", str(term))), self.units.kind(("item", str(term)))
        return known.get(term.get_id()) or self.units.of_term(term)

    @cached_property
    def atoms(self) -> list[Any]:
        """Comparisons of terms of one kind with each other and with constants, numbers and members."""
        groups: dict[Any, list[Any]] = {}
        for term in (*self.terms, *self.machine.constants):
            groups.setdefault(self._kind(term), []).append(term)
        return [atom for group in groups.values() for atom in compared(group)]

    @cached_property
    def premises(self) -> list[Any]:
        """What a lemma may assume, beyond nothing: a condition or two, a sign, an equality, that an index is below a
        variable, or that a transition is possible."""
        simple = [atom for atom in self.atoms if _simple(atom)]
        flags = [atom for atom in simple if z3.is_const(atom) or z3.is_not(atom)]
        pairs = [z3.And(a, b) for a, b in itertools.combinations(flags, 2)]
        return [*simple, *pairs, *self.bounding]

    @cached_property
    def bounding(self) -> list[Any]:
        """The premises that say which indexes are meant: below a variable, or those a transition is possible for."""
        return [*self._ranges(), *(guard for t in self.machine.transitions for guard in self._possible(t))]

    def _ranges(self) -> Iterator[Any]:
        numbers = [v.term for v in self.machine.variables if z3.is_int(v.term)]
        for kind, index in self.indexes.items():
            if z3.is_int(index):
                yield from (z3.And(index >= 0, index < n) for n in numbers if self._kind(n) == kind)

    def _possible(self, transition: Transition) -> Iterator[Any]:
        if len(transition.guards) < 2:
            return
        guard = z3.And(list(transition.guards.values()))
        params = [p for p in transition.params if str(p) in free_names(guard)]
        kinds = [self.units.kind(("value", f"{transition.name}.{p}")) for p in params]
        if transition.actor in ("server", "environment", "machine") and all(kind in self.indexes for kind in kinds):
            yield z3.substitute(guard, *[(p, self.indexes[kind]) for p, kind in zip(params, kinds, strict=True)])

    def lemma(self, premise: Any, conclusion: Any) -> Lemma:
        """The lemma that the conclusion holds when the premise does (None: always)."""
        term = conclusion if premise is None else z3.Implies(premise, conclusion)
        names = free_names(term)
        return Lemma(premise, conclusion, term, tuple(i for i in self.indexes.values() if str(i) in names))


def compared(group: Sequence[Any]) -> Iterator[Any]:
    """The atoms about terms of one kind."""
    sort = group[0].sort()
    if sort.kind() == z3.Z3_BOOL_SORT:
        yield from (side for term in group for side in (term, z3.Not(term)))
    elif sort.kind() == z3.Z3_DATATYPE_SORT:
        members = [sort.constructor(i)() for i in range(sort.num_constructors())]
        yield from (side for term in group for member in members for side in (term == member, term != member))
    elif sort.kind() == z3.Z3_INT_SORT:
        yield from (side for term in group for side in (term >= 0, term < 0, term > 0, term >= -1))
        yield from (side for a, b in itertools.permutations(group, 2) for side in (a < b, a <= b, a == b - 1))
        yield from (a == b for a, b in itertools.combinations(group, 2))
    else:
        yield from (side for a, b in itertools.combinations(group, 2) for side in (a == b, a != b))


def _simple(atom: Any) -> bool:
    """A bare condition, the sign of a number, membership in an enumeration, or an equality of uninterpreted values."""
    if z3.is_not(atom) or z3.is_distinct(atom):
        return bool(z3.is_bool(atom.arg(0)))
    sides = atom.children()
    if not sides or not z3.is_int(sides[0]):
        return True
    return bool(z3.is_int_value(sides[1]) and sides[1].as_long() == 0 and atom.decl().kind() != z3.Z3_OP_GT)
