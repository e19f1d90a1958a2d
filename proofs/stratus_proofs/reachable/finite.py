"""The finite scope in bits: its sorts and functions, as values that are unknown, known, chosen and compared.

Uninterpreted sorts have the members `scope.py` gives them, integers lie in `INTEGERS`, arrays over integers have the
keys in `INDEXES`. Functions become tables of unknown bits, so a search covers every interpretation in scope at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import z3

from stratus_spec.sorts import ENUMS

from .. import scope
from ..scope import labels_in_scope

INTEGERS = range(-1, 10)
"""The integers of a state, and the arguments and constants of a run, in scope."""
INDEXES = range(INTEGERS.start - 1, scope.INDEXES.stop)
"""The keys of arrays over integers in scope. Without a guard a journal's depth may fall to -1, and its top to -2."""
WIDTH = 6
"""Bits of an integer: the sum of three integers in scope still fits."""

Value: TypeAlias = Any
"""A Boolean or bit vector of Z3, or for an array the tuple of its values, in the order of `keys`."""


def size(sort: Any) -> int:
    """How many members a sort has in scope."""
    if sort.kind() == z3.Z3_UNINTERPRETED_SORT:
        return len(labels_in_scope(sort.name()))
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
    return list(ENUMS[sort.name()])[index] if sort.name() in ENUMS else labels_in_scope(sort.name())[index]


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


def flat(value: Value) -> list[Any]:
    """The values that are no arrays."""
    return [leaf for item in value for leaf in flat(item)] if isinstance(value, tuple) else [value]


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
    return one_of(value, sort, range(size(sort)), blocks)


def one_of(value: Value, sort: Any, numbers: Iterable[int], choices: Sequence[Value]) -> Value:
    """The choice whose number `value` is; the last one if it is none of them."""
    pairs = list(zip(numbers, choices, strict=True))
    return reduce(
        lambda rest, pair: choose(value == literal(sort, pair[0]), pair[1], rest), pairs[-2::-1], pairs[-1][1]
    )


Name: TypeAlias = tuple[str, str]
"""A constant's name and sort: two transitions may use one name at two sorts."""


def name_of(constant: Any) -> Name:
    """The name under which a blaster looks a constant up."""
    return constant.decl().name(), constant.sort().sexpr()
