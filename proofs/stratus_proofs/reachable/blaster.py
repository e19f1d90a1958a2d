"""The machine in bits: terms over the finite scope as propositional formulas, for search over many steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import z3

from stratus_spec import UnsupportedTermError
from stratus_spec.language import per_term
from stratus_spec.sorts import ENUMS

from .finite import INTEGERS, WIDTH, Name, Table, Value, choose, keys, literal, name_of, one_of, same


@dataclass
class Blaster:
    """Translates terms, given the bits of every constant (`values`) and the tables of functions."""

    values: Mapping[Name, Value]
    tables: Mapping[str, Table]
    known: dict[int, tuple[Any, Value]] = field(default_factory=dict)

    def __call__(self, term: Any) -> Value:
        """The term's bits. Raises UnsupportedTermError for operators outside the executable language."""
        if term.get_id() not in self.known:
            self.known[term.get_id()] = term, self._translate(term)
        return self.known[term.get_id()][1]

    def _translate(self, term: Any) -> Value:
        kind, children = term.decl().kind(), [self(child) for child in term.children()]
        if kind == z3.Z3_OP_UNINTERPRETED:
            return self.tables[term.decl().name()](*children) if children else self.values[name_of(term)]
        if kind in SPECIAL:
            return SPECIAL[kind](term, children)
        if kind not in OPERATORS:
            raise UnsupportedTermError(f"operator {term.decl().name()!r} has no reading in bits: {term}")
        return OPERATORS[kind](*children)


def _member(term: Any, _children: list[Value]) -> Value:
    names = [member.value for member in ENUMS[term.sort().name()]]
    return literal(term.sort(), names.index(term.decl().name()))


def _numeral(term: Any, _children: list[Value]) -> Value:
    if not INTEGERS.start <= term.as_long() < INTEGERS.stop:
        raise UnsupportedTermError(f"{term} is outside the integers in scope, {INTEGERS.start}..{INTEGERS.stop - 1}")
    return z3.BitVecVal(term.as_long(), WIDTH)


def _constant_array(term: Any, children: list[Value]) -> Value:
    return (children[0],) * len(keys(term.sort().domain()))


def _read(term: Any, children: list[Value]) -> Value:
    array, key = children
    domain = term.arg(0).sort().domain()
    return one_of(key, domain, keys(domain), array)


def _store(term: Any, children: list[Value]) -> Value:
    array, key, item = children
    domain = term.sort().domain()
    return tuple(choose(key == literal(domain, k), item, old) for k, old in zip(keys(domain), array, strict=True))


SPECIAL: dict[int, Callable[[Any, list[Value]], Value]] = {
    z3.Z3_OP_DT_CONSTRUCTOR: _member,
    z3.Z3_OP_ANUM: _numeral,
    z3.Z3_OP_CONST_ARRAY: _constant_array,
    z3.Z3_OP_SELECT: _read,
    z3.Z3_OP_STORE: _store,
}
OPERATORS: dict[int, Callable[..., Value]] = {
    z3.Z3_OP_TRUE: lambda: z3.BoolVal(True),
    z3.Z3_OP_FALSE: lambda: z3.BoolVal(False),
    z3.Z3_OP_NOT: z3.Not,
    z3.Z3_OP_AND: z3.And,
    z3.Z3_OP_OR: z3.Or,
    z3.Z3_OP_IMPLIES: z3.Implies,
    z3.Z3_OP_EQ: same,
    z3.Z3_OP_DISTINCT: lambda *items: z3.And([z3.Not(same(a, b)) for a, b in itertools.combinations(items, 2)]),
    z3.Z3_OP_ITE: choose,
    z3.Z3_OP_LE: lambda a, b: a <= b,
    z3.Z3_OP_LT: lambda a, b: a < b,
    z3.Z3_OP_GE: lambda a, b: a >= b,
    z3.Z3_OP_GT: lambda a, b: a > b,
    z3.Z3_OP_ADD: lambda *items: reduce(lambda a, b: a + b, items),
    z3.Z3_OP_SUB: lambda *items: reduce(lambda a, b: a - b, items),
    z3.Z3_OP_UMINUS: lambda a: -a,
}


@per_term
def touched_keys(term: Any) -> tuple[Any, ...]:
    """The terms under which a term reads or writes arrays over integers: in scope only while they are `indexes`."""
    below = {key.get_id(): key for child in term.children() for key in touched_keys(child)}
    touches = term.decl().kind() in (z3.Z3_OP_STORE, z3.Z3_OP_SELECT)
    if touches and term.arg(0).sort().domain().kind() == z3.Z3_INT_SORT:
        below[term.arg(1).get_id()] = term.arg(1)
    return tuple(below.values())
