"""What makes a definition badly written: each message names the definition and the mend."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterable
from typing import TYPE_CHECKING

import z3

from .errors import MachineError
from .terms import Term, free_names, used_functions

if TYPE_CHECKING:
    from .language import Machine, Property, Transition


def check_machine(machine: Machine) -> None:
    """Raise MachineError unless names are declared once and every term speaks of declared names at the right sorts."""
    check_names(machine)
    functions = {function.name() for function in machine.functions}
    constants = {str(constant) for constant in machine.constants}
    for name, term in machine.init.items():
        where = f"{machine.name}: init of {name!r}"
        _require_variable(machine, name, where)
        _require_sort(term, machine.variable[name].sort, where)
        _require_names(term, constants | set(machine.variable), functions, where, "the machine")
    for axiom in machine.axioms:
        known = constants | {str(constant) for constant in axiom.over}
        _require_names(axiom.term, known, functions, f"axiom {axiom.name!r}", "its `over`")
    for transition in machine.transitions:
        check_transition(machine, transition)


def check_names(machine: Machine) -> None:
    """Raise MachineError unless every name is declared once and can be a Python parameter."""
    names = [v.name for v in machine.variables] + [str(c) for c in machine.constants]
    names += [function.name() for function in machine.functions]
    _require_once(names, machine.name)
    _require_once([t.name for t in machine.transitions], f"{machine.name}, transitions")
    for name in [*names, *(name for t in machine.transitions for name in (t.name, *t.param_names))]:
        # Leading underscores are kept for the compiler's own names.
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise MachineError(f"{machine.name}: {name!r} is not an identifier without leading underscore: rename it")


def check_transition(machine: Machine, transition: Transition) -> None:
    """Raise MachineError unless the transition speaks only of the machine's names, at the right sorts."""
    known = set(machine.variable) | {str(c) for c in machine.constants}
    clash = sorted(known & set(transition.param_names))
    if clash:
        raise MachineError(f"{transition.name}: parameter {clash[0]!r} hides a variable or constant: rename it")
    known |= set(transition.param_names)
    functions = {function.name() for function in machine.functions}
    for label, guard in transition.guards.items():
        where = f"{transition.name}.{label}"
        _require_sort(guard, z3.BoolSort(), where)
        _require_names(guard, known, functions, where, f"the parameters of {transition.name}")
    for name, update in transition.updates.items():
        where = f"{transition.name}: update of {name!r}"
        _require_variable(machine, name, where)
        _require_sort(update, machine.variable[name].sort, where)
        _require_names(update, known, functions, where, f"the parameters of {transition.name}")


def check_property(machine: Machine, prop: Property) -> None:
    """Raise MachineError unless the property is a condition on the machine's states, or on its steps."""
    where = f"property {prop.name}"
    for step in prop.path:
        if step not in machine.transition:
            raise MachineError(f"{where}: its path takes {step!r}, no transition{nearest(step, machine.transition)}")
    if not prop.path:
        raise MachineError(f"{where}: give a path of transitions that leads to its premise")
    selected = [t for t in machine.transitions if prop.where(t)]
    if not selected:
        raise MachineError(f"{where}: its `where` selects no transition, so it claims nothing")
    over = {str(constant) for constant in prop.over}
    for transition in (*selected, *(machine.transition[step] for step in prop.path[-1:])):
        for name in sorted(over & set(transition.param_names)):
            raise MachineError(f"{where}: {name!r} of its `over` is a parameter of {transition.name} too: rename one")
    known = set(machine.variable) | over | {str(c) for c in machine.constants}
    if prop.kind == "step":
        known |= {v.primed.decl().name() for v in machine.variables}
        known |= set.intersection(*(set(t.param_names) for t in selected))
    functions = {function.name() for function in machine.functions}
    hint = "its `over`, or select only transitions that have it"
    for term in (prop.term, prop.premise):
        _require_sort(term, z3.BoolSort(), where)
        _require_names(term, known, functions, where, hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for a name close to a known one, else nothing."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _require_once(names: list[str], where: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise MachineError(f"{where}: {name!r} is declared twice: rename one")


def _require_variable(machine: Machine, name: str, where: str) -> None:
    if name not in machine.variable:
        raise MachineError(
            f"{where}: no variable has that name{nearest(name, machine.variable)}: "
            "declare it among the machine's variables, or update another"
        )


def _require_sort(term: Term, sort: z3.SortRef, where: str) -> None:
    if not z3.is_expr(term):
        raise MachineError(f"{where} is {term!r}, a Python {type(term).__name__}: write a Z3 term of sort {sort}")
    if term.sort() != sort:
        raise MachineError(f"{where} has sort {term.sort()}: it must be {sort}")


def _require_names(term: Term, known: set[str], functions: set[str], where: str, place: str) -> None:
    for used, declared, what, home in (
        (free_names(term), known, "free variable", place),
        (used_functions(term), functions, "undeclared function", "the machine's functions"),
    ):
        for name in sorted(used - declared):
            raise MachineError(f"{where}: {what} {name!r}{nearest(name, declared)}: declare it in {home}")
