"""The machine in bits: terms over a finite scope as propositional formulas, for search over many steps.

Uninterpreted sorts have the members `scope.py` gives them, integers lie in `INTEGERS`, arrays over integers have the
keys in `INDEXES`. Functions become tables of unknown bits, so a search covers every interpretation in scope at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

import z3

from stratus_spec import UnsupportedTermError
from stratus_spec.language import per_term
from stratus_spec.sorts import ENUMS

from ..scope import members_in_scope

INTEGERS = range(-1, 10)
"""The integers of a state, and the arguments and constants of a run, in scope."""
INDEXES = range(-1, 6)
"""The keys of arrays over integers in scope: journals of at most six entries."""
WIDTH = 6
"""Bits of an integer: the sum of three integers in scope still fits."""

Value: TypeAlias = Any
"""A Boolean or bit vector of Z3, or for an array the tuple of its values, in the order of `keys`."""


def size(sort: Any) -> int:
    """How many members a sort has in scope."""
    if sort.kind() == z3.Z3_UNINTERPRETED_SORT:
        return members_in_scope(sort.name())
    return len(ENUMS[sort.name()])


def keys(sort: Any) -> range:
    """The members of an array's domain, as numbers."""
    return INDEXES if sort.kind() == z3.Z3_INT_SORT else range(size(sort))


def label(sort: Any, index: int) -> Any:
    """The member of a sort as the interpreter holds it: `field1`, an enumeration member, an integer."""
    if sort.kind() == z3.Z3_INT_SORT:
        return index
    if sort.kind() == z3.Z3_BOOL_SORT:
        return bool(index)
    return list(ENUMS[sort.name()])[index] if sort.name() in ENUMS else f"{sort.name().lower()}{index}"


def bits(sort: Any) -> int:
    """The width of a member of a sort."""
    return WIDTH if sort.kind() == z3.Z3_INT_SORT else max(1, (size(sort) - 1).bit_length())


def literal(sort: Any, index: Any) -> Value:
    """A member of a sort, as `members` numbers it, in bits."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        return tuple(literal(sort.range(), item) for item in index)
    return z3.BoolVal(bool(index)) if sort.kind() == z3.Z3_BOOL_SORT else z3.BitVecVal(index, bits(sort))


def unknown(name: str, sort: Any) -> Value:
    """Unknown bits for one value of a sort."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        return tuple(unknown(f"{name}[{key}]", sort.range()) for key in keys(sort.domain()))
    return z3.Bool(name) if sort.kind() == z3.Z3_BOOL_SORT else z3.BitVec(name, bits(sort))


def zero(sort: Any) -> Value:
    """The first member of a sort: 0, false."""
    return literal(sort, 0)


def leaves(value: Value, sort: Any) -> Iterator[tuple[Value, Any]]:
    """The values that are no arrays, with their sorts."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        for item in value:
            yield from leaves(item, sort.range())
    else:
        yield value, sort


def within(value: Value, sort: Any) -> Iterator[Any]:
    """The conditions that bits stand for a member of the sort in scope."""
    for leaf, kind in leaves(value, sort):
        if kind.kind() == z3.Z3_INT_SORT:
            yield z3.And(leaf >= INTEGERS.start, leaf < INTEGERS.stop)
        elif kind.kind() != z3.Z3_BOOL_SORT and size(kind) < 2 ** bits(kind):
            yield z3.ULT(leaf, size(kind))


def indexes(key: Value) -> Any:
    """The condition that an integer is a key in scope."""
    return z3.And(key >= INDEXES.start, key < INDEXES.stop)


def same(left: Value, right: Value) -> Any:
    """Equality, of arrays key by key."""
    return z3.And([a == b for a, b in zip(left, right, strict=True)]) if isinstance(left, tuple) else left == right


def choose(condition: Any, yes: Value, no: Value) -> Value:
    """If-then-else, of arrays key by key."""
    if isinstance(yes, tuple):
        return tuple(choose(condition, a, b) for a, b in zip(yes, no, strict=True))
    return yes if yes is no else z3.If(condition, yes, no)


@dataclass(frozen=True)
class Table:
    """An uninterpreted function as the unknown value it has for each combination of arguments."""

    sorts: tuple[Any, ...]
    range: Any
    rows: tuple[Value, ...]

    @classmethod
    def of(cls, function: Any) -> Table:
        """Unknown rows for a function."""
        sorts = tuple(function.domain(i) for i in range(function.arity()))
        count = len(list(itertools.product(*map(members, sorts))))
        rows = tuple(unknown(f"{function.name()}({i})", function.range()) for i in range(count))
        return cls(sorts, function.range(), rows)

    def __call__(self, *arguments: Value) -> Value:
        parts = [part for argument, sort in zip(arguments, self.sorts, strict=True) for part in _parts(argument, sort)]
        return _select(parts, self.rows)


def is_plain(table: Table) -> bool:
    """Whether a table has members of an uninterpreted sort as arguments, and those of an enumeration as values."""
    kinds = {sort.kind() for sort in table.sorts}
    return kinds == {z3.Z3_UNINTERPRETED_SORT} and table.range.kind() == z3.Z3_DATATYPE_SORT


def members(sort: Any) -> list[Any]:
    """Every value of a sort in scope as numbers; of an array, a tuple of them; of the integers, the indexes."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        return list(itertools.product(*(members(sort.range()) for _ in keys(sort.domain()))))
    return list(keys(sort))


def _parts(argument: Value, sort: Any) -> Iterator[tuple[Value, Any]]:
    """An argument as the values that index a table, the most significant first."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        for item in argument:
            yield item, sort.range()
    else:
        yield argument, sort


def _select(parts: Sequence[tuple[Value, Any]], rows: Sequence[Value]) -> Value:
    """The row the parts point at."""
    if not parts:
        return rows[0]
    (value, sort), rest = parts[0], parts[1:]
    share = len(rows) // size(sort)
    blocks = [_select(rest, rows[i * share : (i + 1) * share]) for i in range(size(sort))]
    return _one_of(value, sort, range(size(sort)), blocks)


def _one_of(value: Value, sort: Any, numbers: Iterable[int], choices: Sequence[Value]) -> Value:
    """The choice whose number `value` is; the last one if it is none of them."""
    pairs = list(zip(numbers, choices, strict=True))
    return reduce(
        lambda rest, pair: choose(value == literal(sort, pair[0]), pair[1], rest), pairs[-2::-1], pairs[-1][1]
    )


Name: TypeAlias = tuple[str, str]
"""A constant's name and sort: two transitions may use one name at two sorts."""


def name_of(constant: Any) -> Name:
    """The name under which a blaster looks a constant up."""
    return str(constant), constant.sort().sexpr()


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
    return _one_of(key, domain, keys(domain), array)


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
