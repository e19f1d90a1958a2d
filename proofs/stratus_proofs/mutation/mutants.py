"""Small mistakes in a specification: every guard, update, bound and frame of every transition, changed in one place.

`drop` leaves a guard, conjunct or branch out, `negate` turns a condition round, `off by one` moves a bound or an index,
`swap` exchanges two names or arguments of one sort, `stutter` leaves an update out, `widen` lets a transition
change a variable that it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import z3

from stratus_spec import Machine, Specification, Transition

Operator = Literal["drop", "negate", "off by one", "swap", "stutter", "widen"]
Change = tuple[Operator, Any]

ARITHMETIC = (z3.Z3_OP_ADD, z3.Z3_OP_SUB, z3.Z3_OP_MUL, z3.Z3_OP_UMINUS)
SYMMETRIC = (z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_EQ, z3.Z3_OP_DISTINCT, z3.Z3_OP_ADD, z3.Z3_OP_MUL)


@dataclass(frozen=True, eq=False)
class Mutant:
    """One change of one transition: of the guard or the update called `label`. `term` is None when it is left out.

    `before` is what stood there, None for a variable outside the frame.
    """

    transition: str
    part: Literal["guard", "update"]
    label: str
    operator: Operator
    before: Any
    term: Any

    @property
    def name(self) -> str:
        """The change as one line."""
        old = "(kept)" if self.before is None else one_line(self.before)
        new = "(none)" if self.term is None else one_line(self.term)
        return f"{self.transition}.{self.label}: {self.operator}: {old} → {new}"

    def applied(self, machine: Machine) -> Machine:
        """The machine with the change, or itself if it lacks the transition."""
        transition = machine.transition.get(self.transition)
        return machine if transition is None else machine.with_transition(self._changed(transition))

    def _changed(self, transition: Transition) -> Transition:
        if self.part == "guard":
            return replace(transition, guards=_put(transition.guards, self.label, self.term))
        params = (*transition.params, self.term) if self.operator == "widen" else transition.params
        return replace(transition, params=params, updates=_put(transition.updates, self.label, self.term))


def mutants(specification: Specification) -> tuple[Mutant, ...]:
    """Every mutant of the machine, in the order of its text. A change that Z3's simplifier undoes is none."""
    machine = specification.machine
    return tuple(mutant for transition in machine.transitions for mutant in _of(machine, transition))


def one_line(term: Any) -> str:
    """A term as one line."""
    return " ".join(str(term).split())


def _of(machine: Machine, transition: Transition) -> Iterator[Mutant]:
    names = [*(v.term for v in machine.variables), *machine.constants, *transition.params]
    for label, guard in transition.guards.items():
        changes: list[Change] = [("drop", None), *distinct(guard, variants(guard, names))]
        yield from (Mutant(transition.name, "guard", label, operator, guard, term) for operator, term in changes)
    for name, update in transition.updates.items():
        changes = [("stutter", None), *distinct(update, variants(update, names))]
        yield from (Mutant(transition.name, "update", name, operator, update, term) for operator, term in changes)
    for variable in machine.variables:
        if variable.name not in transition.updates:
            anything = z3.Const(f"any_{variable.name}", variable.sort)
            yield Mutant(transition.name, "update", variable.name, "widen", None, anything)


def distinct(term: Any, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes that differ from the term and from each other after simplification."""
    seen = [z3.simplify(term)]
    ids = {seen[0].get_id()}
    for operator, changed in changes:
        simple = z3.simplify(changed)
        if simple.get_id() not in ids:
            ids.add(simple.get_id())
            seen.append(simple)  # Z3 gives the id of a forgotten term to the next
            yield operator, changed


def variants(term: Any, names: list[Any], inside: bool = False) -> Iterator[Change]:
    """The term with one place changed. `inside`: an enclosing sum was moved by one already."""
    yield from _here(term, names, inside)
    arithmetic = term.decl().kind() in ARITHMETIC
    for index, child in enumerate(term.children()):
        for operator, changed in variants(child, names, arithmetic):
            children = term.children()
            children[index] = changed
            yield operator, term.decl()(*children)


def _here(term: Any, names: list[Any], inside: bool) -> Iterator[Change]:
    kind, children = term.decl().kind(), term.children()
    if z3.is_bool(term):
        yield "negate", z3.Not(term)
    if z3.is_int(term) and not inside:
        yield from (("off by one", term + 1), ("off by one", term - 1))
    if kind in (z3.Z3_OP_AND, z3.Z3_OP_OR) and len(children) > 1:
        yield from (("drop", term.decl()(*children[:i], *children[i + 1 :])) for i in range(len(children)))
        yield "swap", (z3.Or if kind == z3.Z3_OP_AND else z3.And)(children)
    if kind == z3.Z3_OP_ITE:
        yield from (("drop", children[1]), ("drop", children[2]))
    if kind == z3.Z3_OP_STORE:
        yield "stutter", children[0]
    yield from (("swap", other) for other in _others(term, names))
    if kind not in SYMMETRIC and kind != z3.Z3_OP_ITE:
        yield from (("swap", changed) for changed in _exchanged(term))


def _others(term: Any, names: list[Any]) -> Iterator[Any]:
    """What may stand in the place of a name or of a member of an enumeration."""
    if term.children():
        return
    if term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
        yield from (name for name in names if name.sort() == term.sort() and not name.eq(term))
    elif term.decl().kind() == z3.Z3_OP_DT_CONSTRUCTOR:
        sort = term.sort()
        members = (sort.constructor(i)() for i in range(sort.num_constructors()))
        yield from (member for member in members if not member.eq(term))


def _exchanged(term: Any) -> Iterator[Any]:
    """The application with two arguments of one sort exchanged."""
    children = term.children()
    for i, left in enumerate(children):
        for j, right in enumerate(children[:i]):
            if left.sort() == right.sort():
                swapped = list(children)
                swapped[i], swapped[j] = right, left
                yield term.decl()(*swapped)


def _put(terms: Mapping[str, Any], label: str, term: Any) -> dict[str, Any]:
    if term is None:
        return {key: value for key, value in terms.items() if key != label}
    return {**terms, label: term}
