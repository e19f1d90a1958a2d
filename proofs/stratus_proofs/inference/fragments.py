"""Fragments: a machine cut down to some of its variables, so that a question about them has little else in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import z3

from stratus_spec import ANY, Machine, Specification, Transition
from stratus_spec.terms import free_names


@dataclass(frozen=True)
class Fragment:
    """The variables a fragment keeps, and the bare safety property (by name) that is to be strengthened."""

    target: str
    variables: tuple[str, ...]


FRAGMENTS: Mapping[str, Fragment] = {
    "lock": Fragment("terminal_is_clean", ("phase", "open", "holder", "token")),
    "transaction": Fragment(
        "abort_tnr",
        (
            *("phase", "open", "holder", "token", "running", "waiting"),
            *("c", "version", "sigma", "depth", "entry_field", "entry_before", "first"),
            *("sent", "sent_field", "sent_value", "sent_token", "sent_version"),
        ),
    ),
}
"""The fragments of STRATUS's own specification that `stratus prove --infer` knows."""


def offered(specification: Specification) -> dict[str, Fragment]:
    """What can be inferred of a specification: each of its properties over all variables, and the fragments of ours."""
    whole = tuple(v.name for v in specification.machine.variables)
    named = {p.name: Fragment(p.name, whole) for p in specification.claimed(ANY)}
    fitting = {name: f for name, f in FRAGMENTS.items() if f.target in named and set(f.variables) <= set(whole)}
    return {**named, **fitting}


def fragment(machine: Machine, variables: Collection[str]) -> Machine:
    """The machine over fewer variables, allowing at least the steps the whole machine shows of them.

    A guard that reads a variable left out is left out, and what is written from one may be anything. So whatever
    holds of the fragment holds of the machine. Steps that change none of the variables are left out.
    """
    gone = set(machine.variable) - set(variables)
    transitions = (_cut(machine, transition, gone) for transition in machine.transitions)
    return replace(
        machine,
        name=f"{machine.name}, over {', '.join(v.name for v in machine.variables if v.name not in gone)}",
        variables=tuple(v for v in machine.variables if v.name not in gone),
        init={name: term for name, term in machine.init.items() if not ({name} | free_names(term)) & gone},
        transitions=tuple(t for t in transitions if t.updates),
    )


def _cut(machine: Machine, transition: Transition, gone: set[str]) -> Transition:
    guards = {label: term for label, term in transition.guards.items() if not free_names(term) & gone}
    kept = {name: term for name, term in transition.updates.items() if name not in gone}
    unknown = {name: _anything(machine, name) for name, term in kept.items() if free_names(term) & gone}
    used = frozenset[str]().union(*(free_names(term) for term in (*guards.values(), *kept.values())))
    params = tuple(p for p in transition.params if str(p) in used)
    return replace(transition, params=(*params, *unknown.values()), guards=guards, updates={**kept, **unknown})


def _anything(machine: Machine, name: str) -> Any:
    return z3.Const(f"any_{name}", machine.variable[name].sort)
