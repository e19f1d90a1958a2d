"""Obligations as SMT-LIB 2 scripts: self-contained, the same bytes every time, readable by any solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import z3

from stratus_spec import MachineError
from stratus_spec.language import per_term

from ..induction import Group, Obligation


def scripts(group: Group) -> Iterator[tuple[Obligation, str]]:
    """Each obligation with its question: have the hypotheses and the denied goal a model? SMT-LIB 2.6, logic ALL.

    The expected answer is `unsat`. Declarations come in alphabetical order, hypotheses in the order of the machine.
    Raises MachineError for a name that text cannot tell from a member of an enumeration.
    """
    clear = _unambiguous(group)
    assumed = [(f"assumed: {statement.name}", clear(statement.term, statement.over)) for statement in group.assumed]
    assumed += [("of this step", clear(fact)) for fact in group.facts]
    for obligation in group.obligations:
        denied = ("the property, denied", clear(z3.Not(obligation.goal)))
        yield obligation, _script(obligation, [*assumed, denied])


def _script(obligation: Obligation, statements: list[tuple[str, Any]]) -> str:
    maps = _maps(term for _, term in statements)
    plain = [(label, _plain(term)) for label, term in [*maps, *statements]]
    lines = [*_header(obligation), *_declarations(term for _, term in plain)]
    for label, term in plain:
        lines += [f"; {label}", _assertion(term)]
    return "\n".join([*lines, "(check-sat)", ""])


def _header(obligation: Obligation) -> list[str]:
    statement = " ".join(obligation.prop.statement.split())
    return [
        f"; machine    {obligation.machine.name}",
        f"; transition {obligation.transition.name if obligation.transition else 'init'}",
        f"; property   {obligation.prop.name}: {statement}",
        "; expected   unsat (a model would be a step that breaks the property)",
        "(set-info :smt-lib-version 2.6)",
        "(set-info :status unsat)",
        "(set-logic ALL)",
    ]


def _unambiguous(group: Group) -> Any:
    """A function that closes a term over constants, and renames those that are called like an enumeration's member.

    In Z3 a constant and a member of one name are two things; in text the first would be read for the second.
    """
    terms = [*(s.term for s in group.assumed), *group.facts, *(o.goal for o in group.obligations)]
    used = [_used(term) for term in terms]
    members = {member for each in used for member in each.members}
    clashing = {name: node for each in used for name, node in each.symbols.items() if name in members}
    for name, node in clashing.items():
        if node.num_args():
            raise MachineError(f"function {name!r} is called like a member of an enumeration; rename it")
    pairs = [(node, z3.Const(f"{name}!", node.sort())) for name, node in clashing.items()]

    def clear(term: Any, over: tuple[Any, ...] = ()) -> Any:
        renamed = z3.substitute(term, *pairs)
        bound = [z3.substitute(constant, *pairs) for constant in over]
        return z3.ForAll(bound, renamed) if bound else renamed

    return clear


def _maps(terms: Iterable[Any]) -> list[tuple[str, Any]]:
    """What the constant maps in the terms mean. SMT-LIB has no standard syntax for them, so they become constants."""
    found = {named.decl().name(): (array, named) for term in terms for array, named in _used(term).maps}
    return [("a constant map", _meaning(*found[name])) for name in sorted(found)]


def _meaning(array: Any, named: Any) -> Any:
    if any(z3.is_var(node) for node in _nodes(array)):
        raise MachineError(f"constant map {array}: its value is quantified; give the map as a variable of the machine")
    key = z3.Const("key!", array.sort().domain())
    return z3.ForAll([key], named[key] == array.arg(0))


@per_term
def _plain(term: Any) -> Any:
    """The term with its constant maps named."""
    return z3.substitute(term, *_used(term).maps)


@per_term
def _assertion(term: Any) -> str:
    return f"(assert {term.sexpr()})"


def _inline(term: Any) -> str:
    return " ".join(term.sexpr().replace("|", "").split())


def _declarations(terms: Iterable[Any]) -> list[str]:
    sorts: dict[str, str] = {}
    symbols: dict[str, Any] = {}
    for term in terms:
        sorts |= _used(term).sorts
        symbols |= _used(term).symbols
    return [*(sorts[name] for name in sorted(sorts)), *(symbols[name].decl().sexpr() for name in sorted(symbols))]


@dataclass(frozen=True)
class _Used:
    """What a term speaks of: declarations of sorts, members of enumerations, uninterpreted symbols, constant maps."""

    sorts: dict[str, str]
    members: frozenset[str]
    symbols: dict[str, Any]
    maps: list[tuple[Any, Any]]


@per_term
def _used(term: Any) -> _Used:
    nodes = list(_nodes(term))
    sorts = {sort.name(): sort for node in nodes for sort in _parts(node.sort())}
    maps = [node for node in nodes if z3.is_K(node)]
    return _Used(
        {name: _sort(sort) for name, sort in sorts.items()},
        frozenset(member for sort in sorts.values() for member in _members(sort)),
        {node.decl().name(): node for node in nodes if _is_symbol(node)},
        [(map_, z3.Const(f"each {map_.sort().domain()} is {_inline(map_.arg(0))}", map_.sort())) for map_ in maps],
    )


def _nodes(term: Any) -> Iterator[Any]:
    """Every subterm once."""
    seen: set[int] = set()
    todo = [term]
    while todo:
        node = todo.pop()
        if node.get_id() not in seen:
            seen.add(node.get_id())
            todo.extend(node.children())
            yield node


def _is_symbol(node: Any) -> bool:
    return z3.is_app(node) and bool(node.decl().kind() == z3.Z3_OP_UNINTERPRETED)


def _parts(sort: Any) -> Iterator[Any]:
    """The named sorts a sort is made of."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        yield from _parts(sort.domain())
        yield from _parts(sort.range())
    elif sort.kind() in (z3.Z3_UNINTERPRETED_SORT, z3.Z3_DATATYPE_SORT):
        yield sort


def _members(sort: Any) -> list[str]:
    if sort.kind() != z3.Z3_DATATYPE_SORT:
        return []
    return [sort.constructor(i).name() for i in range(sort.num_constructors())]


def _sort(sort: Any) -> str:
    if sort.kind() == z3.Z3_UNINTERPRETED_SORT:
        return f"(declare-sort {sort.name()} 0)"
    return f"(declare-datatypes (({sort.name()} 0)) (({' '.join(f'({m})' for m in _members(sort))})))"
