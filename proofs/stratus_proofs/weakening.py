"""Specifications without one of their assumptions, guards or axioms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from stratus_spec import MACHINE, Machine, Specification, Transition


@dataclass(frozen=True)
class Assumption:
    """Guards that stand for one idea of the specification, dropped together under one name."""

    name: str
    statement: str
    guards: tuple[str, ...]


ASSUMPTIONS = (
    Assumption("A1", "One writer at a time: the lock is granted when free, and whoever writes holds it.",
        ("acquire.free", "take_over.free", "journal.holder", "send.holder", "restore.holder", "pop.holder")),
    Assumption("A2", "Undo is faithful: entries are put back before they are dropped, and all of them.",
        ("pop.restored", "abort.empty")),
    Assumption("A3", "The risk window is bounded, in actions and in time.",
        ("act.count", "act.window", "approve.window")),
    Assumption("fencing", "The server refuses requests that carry an old token.", ("land.fenced",)),
    Assumption("compare-and-set", "The server refuses requests for a field that was written meanwhile.",
        ("land.unchanged",)),
    Assumption("write-ahead", "A before-image is journaled before the field is written.", ("send.journaled",)),
    Assumption("validation", "Severity is measured before a commit.", ("approve.no_regression",)),
    Assumption("reversibility", "Only what can be taken back is done.", ("act.reversible",)),
    Assumption("ownership", "Undo leaves alone what somebody else has written since.", ("restore.owned", "pop.owned")),
    Assumption("escalation", "After a conflict there is no further attempt.", ("again.no_conflict",)),
    Assumption("attempt-memory", "What was undone is not tried again unchanged.", ("act.untried",)),
    Assumption("bounded-retry", "Transactions are tried again a bounded number of times.", ("again.attempts",)),
)  # fmt: skip


def droppable(specification: Specification) -> tuple[str, ...]:
    """Every name `weakened` takes: assumptions, guards and axioms."""
    named = [a.name for a in ASSUMPTIONS if set(a.guards) <= set(specification.machine.guard_addresses)]
    return (*named, *specification.machine.guard_addresses, *(axiom.name for axiom in specification.machine.axioms))


def weakened(specification: Specification, name: str) -> Specification:
    """The specification without an assumption, guard or axiom. Raises KeyError if there is none of that name."""
    known = {assumption.name: assumption.guards for assumption in ASSUMPTIONS}
    if name not in droppable(specification):
        raise KeyError(f"nothing is called {name!r}; there are {', '.join(droppable(specification))}")
    if any(axiom.name == name for axiom in specification.machine.axioms):
        return without_axiom(specification, name)
    return reduce(Specification.without_guard, known.get(name, (name,)), specification)


def altered(machine: Machine) -> tuple[Transition, ...]:
    """The transitions that are not the specification's own: changed ones, and new ones."""
    return tuple(t for t in machine.transitions if MACHINE.transition.get(t.name) is not t)


def without_axiom(specification: Specification, name: str) -> Specification:
    """The specification without an assumption about functions and constants."""
    settings = {key: _drop_axiom(machine, name) for key, machine in specification.settings.items()}
    return replace(specification, machine=_drop_axiom(specification.machine, name), settings=settings)


def _drop_axiom(machine: Machine, name: str) -> Machine:
    return replace(machine, axioms=tuple(axiom for axiom in machine.axioms if axiom.name != name))
