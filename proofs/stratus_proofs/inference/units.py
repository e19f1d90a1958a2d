"""Which values are of one kind: what a machine assigns, compares or looks up with each other.

Indexes into a journal, fencing tokens and versions are all integers, but a lemma that compares a token with a version
is noise. Kinds are not declared: they follow from the machine's terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import z3

from stratus_spec import Machine

COMPARED = (z3.Z3_OP_EQ, z3.Z3_OP_LE, z3.Z3_OP_LT, z3.Z3_OP_GE, z3.Z3_OP_GT, z3.Z3_OP_ADD, z3.Z3_OP_SUB)

Slot = tuple[str, str]
"""A variable's own value (`value`), what an array is read at (`key`) or what it holds (`item`), and the name."""


@dataclass
class Units:
    """The kinds, as a union of slots that grows while terms are looked at."""

    shared: frozenset[str]
    parents: dict[Slot, Slot] = field(default_factory=dict)

    @classmethod
    def of(cls, machine: Machine) -> Units:
        """The kinds that follow from a machine's guards, updates and initial values."""
        units = cls(frozenset([*machine.variable, *map(str, machine.constants)]))
        for transition in machine.transitions:
            scope = transition.name
            for guard in transition.guards.values():
                units._look(guard, scope)
            for name, update in transition.updates.items():
                units._same(machine.variable[name].term, update, scope)
        for name, term in machine.init.items():
            units._same(machine.variable[name].term, term, "init")
        return units

    def kind(self, slot: Slot) -> Slot:
        """The representative of a slot's kind."""
        while self.parents.get(slot, slot) != slot:
            slot = self.parents[slot]
        return slot

    def of_term(self, term: Any) -> Slot | None:
        """The kind of a variable, a constant or a read; None for a number."""
        slot = self._slot(term, "")
        return None if slot is None else self.kind(slot)

    def _join(self, slots: Iterable[Slot | None]) -> None:
        known = [self.kind(slot) for slot in slots if slot is not None]
        for slot in known[1:]:
            self.parents[slot] = self.kind(known[0])

    def _same(self, left: Any, right: Any, scope: str) -> None:
        """Both terms are of one kind: as integers, or as arrays in their keys and items."""
        self._look(left, scope)
        self._look(right, scope)
        if left.sort().kind() != z3.Z3_ARRAY_SORT:
            self._join((self._slot(left, scope), self._slot(right, scope)))
            return
        names = [name for side in (left, right) for name in _arrays(side)]
        self._join(("key", name) for name in names)
        self._join(("item", name) for name in names)
        for item in (item for side in (left, right) for item in _items(side)):
            self._join((("item", names[0]), self._slot(item, scope)))

    def _look(self, term: Any, scope: str) -> None:
        """Note what a term and its parts compare, and look up."""
        kind, children = term.decl().kind(), term.children()
        if kind in (z3.Z3_OP_SELECT, z3.Z3_OP_STORE):
            for name in _arrays(children[0]):
                self._join((("key", name), self._slot(children[1], scope)))
        elif kind in COMPARED and children[0].sort().kind() != z3.Z3_ARRAY_SORT:
            self._join(self._slot(child, scope) for child in children)
        for child in children:
            self._look(child, scope)

    def _slot(self, term: Any, scope: str) -> Slot | None:
        kind = term.decl().kind()
        if kind == z3.Z3_OP_UNINTERPRETED and not term.children():
            return ("value", str(term) if str(term) in self.shared else f"{scope}.{term}")
        if kind == z3.Z3_OP_SELECT:
            return next((("item", name) for name in _arrays(term.arg(0))), None)
        slots = [self._slot(child, scope) for child in term.children() if z3.is_int(child)]
        return next((slot for slot in slots if slot is not None), None)


def _arrays(term: Any) -> list[str]:
    """The variables an array term is made from."""
    kind = term.decl().kind()
    if kind == z3.Z3_OP_UNINTERPRETED:
        return [] if term.children() else [str(term)]
    parts = {z3.Z3_OP_STORE: term.children()[:1], z3.Z3_OP_ITE: term.children()[1:]}.get(kind, [])
    return [name for part in parts for name in _arrays(part)]


def _items(term: Any) -> list[Any]:
    """What an array term stores."""
    kind = term.decl().kind()
    if kind == z3.Z3_OP_STORE:
        return [term.arg(2), *_items(term.arg(0))]
    if kind == z3.Z3_OP_CONST_ARRAY:
        return [term.arg(0)]
    return [item for part in term.children()[1:] for item in _items(part)] if kind == z3.Z3_OP_ITE else []
