"""Questions to a solver, and the sorts they speak of: objects as maps from paths to values that may be absent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import z3

from stratus_spec.catalogue import Footprint, Path
from stratus_spec.catalogue.footprint import ANY, ITEM, REST
from stratus_spec.language import Term

Expected = Literal["unsat", "sat"]


@dataclass(frozen=True, eq=False)
class Question:
    """`unsat` proves the statement for all values; `sat` shows that there is a case, a witness."""

    name: str
    statement: str
    assertions: tuple[Term, ...]
    expected: Expected = "unsat"

    def smt2(self) -> str:
        """The question as SMT-LIB 2, for another solver."""
        solver = z3.Solver()
        solver.add(*self.assertions)
        text: str = solver.to_smt2()
        return text


PATH = z3.DeclareSort("Path")
"""A path of any length. `length` says how long it is, `step` what its steps are, from 0."""
length = z3.Function("length", PATH, z3.IntSort())
step = z3.Function("step", PATH, z3.IntSort(), z3.StringSort())

SCALAR = z3.DeclareSort("Scalar")


def _value() -> z3.DatatypeSortRef:
    sort = z3.Datatype("FieldValue")
    sort.declare("absent")
    sort.declare("present", ("scalar", SCALAR))
    return sort.create()


VALUE = _value()
ABSENT, OBJECT = VALUE.absent, z3.ArraySort(PATH, VALUE)
NOTHING = z3.K(PATH, ABSENT)
"""The object that is not there: no field of it is."""


def objects(names: str) -> list[Term]:
    """Arbitrary objects."""
    return [z3.Const(name, OBJECT) for name in names.split()]


def recorded(before: Term, after: Term) -> Term:
    """Whether a field gets an undo entry: it differs. `configuration.difference` is this, path by path."""
    return before != after


def restored(before: Term, after: Term, now: Term) -> Term:
    """A field after undo: its before-image where it has an entry, else what it is now. `Cluster.restore` is this."""
    return z3.If(recorded(before, after), before, now)


def undone(before: Term, after: Term) -> Term:
    """The whole object after undo, nobody else having written."""
    path = z3.Const("path", PATH)
    return z3.Lambda([path], restored(before[path], after[path], after[path]))


@lru_cache(maxsize=512)
def covers(footprint: Footprint, path: Term) -> Term:
    """Whether a path belongs to a footprint: `Footprint.covers`, read by the solver."""
    return z3.Or([_matches(pattern, path) for pattern in footprint.exact])


def _matches(pattern: Path, path: Term) -> Term:
    open_ended = pattern[-1] == REST
    fixed = pattern[:-1] if open_ended else pattern
    size = length(path) >= len(fixed) if open_ended else length(path) == len(fixed)
    return z3.And(size, *(_fits(wanted, step(path, i)) for i, wanted in enumerate(fixed)))


def _fits(wanted: str, actual: Term) -> Term:
    if wanted == ANY:
        return z3.BoolVal(True)
    if wanted == ITEM:
        return z3.And(z3.PrefixOf(z3.StringVal("["), actual), actual != z3.StringVal("[]"))
    return actual == z3.StringVal(wanted)
