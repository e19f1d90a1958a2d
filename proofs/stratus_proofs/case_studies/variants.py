"""The published STRATUS driver as variants of the machine: one change for each gap, nothing else.

Source: SREGym at commit ba07faf1 (the driver, its oracles and its kubectl server). A gap is what the driver does where
the machine has a guard, or keeps a record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import z3

from stratus_spec import MACHINE, Axiom, Machine, Transition, Variable
from stratus_spec.sorts import ACTION, BOOL, ENVIRONMENT, INT, VALUE, healthy, max_attempts, window_us
from stratus_spec.state import (
    NOTHING_OWNED,
    action,
    attempts,
    c,
    depth,
    e,
    entry_before,
    first,
    now,
    open_,
    opened_at,
)
from stratus_spec.transitions import f, i, top
from stratus_spec.transitions.terms import put_back, unchanged

answers = z3.Function("answers", ENVIRONMENT, BOOL)
elsewhere = z3.Function("elsewhere", ENVIRONMENT, BOOL)
dry_runs = z3.Function("dry_runs", ACTION, BOOL)
absent = z3.Const("absent", VALUE)
ttl_us = z3.Int("ttl_us")
rounds = Variable("rounds", INT, "machine", "rounds of tool calls that count as executed commands")
landed = Variable("landed", z3.ArraySort(INT, BOOL), "network", "the request was applied once already")


def guard(transition: str, label: str, term: Any, machine: Machine = MACHINE) -> Machine:
    """The machine with one guard replaced."""
    old = machine.transition[transition]
    return machine.with_transition(replace(old, guards={**old.guards, label: term}))


def relaxed(transition: str, label: str, also: Any, machine: Machine = MACHINE) -> Machine:
    """The machine with one guard that lets more pass."""
    return guard(transition, label, z3.Or(machine.transition[transition].guards[label], also), machine)


def updating(transition: str, machine: Machine, **updates: Any) -> Machine:
    """The machine with updates added to a transition."""
    old = machine.transition[transition]
    return machine.with_transition(replace(old, updates={**old.updates, **updates}))


def last_attempt_stands() -> Machine:
    """One attempt may be configured, so that the run is short."""
    positive = next(axiom for axiom in MACHINE.axioms if axiom.name == "bounds are positive")
    bounds = Axiom(positive.name, z3.substitute(positive.term, (max_attempts > 0, max_attempts >= 0)))
    axioms = tuple(bounds if axiom is positive else axiom for axiom in MACHINE.axioms)
    return relaxed("approve", "no_regression", attempts >= max_attempts, replace(MACHINE, axioms=axioms))


def oracles_instead_of_severity() -> Machine:
    return guard("approve", "no_regression", healthy(c, e))


def wrong_namespace() -> Machine:
    return guard("resolve", "healthy", elsewhere(e), replace(MACHINE, functions=(*MACHINE.functions, elsewhere)))


def fails_open() -> Machine:
    machine = replace(MACHINE, functions=(*MACHINE.functions, answers))
    return relaxed("approve", "no_regression", z3.Not(answers(e)), machine)


def no_undo_record() -> Machine:
    machine = replace(MACHINE, functions=(*MACHINE.functions, dry_runs))
    return relaxed("send", "journaled", z3.Not(dry_runs(action)), machine)


def counts_rounds() -> Machine:
    machine = replace(MACHINE, variables=(*MACHINE.variables, rounds))
    machine = updating("begin", machine, rounds=z3.IntVal(0))
    machine = updating("act", machine, rounds=rounds.term + 1)
    machine = updating("pop", machine, rounds=rounds.term - 1)
    return guard("abort", "empty", z3.Or(depth == 0, rounds.term <= 0), machine)


def runs_twice() -> Machine:
    start = {**MACHINE.init, "landed": z3.K(INT, z3.BoolVal(False))}
    machine = replace(MACHINE, variables=(*MACHINE.variables, landed), init=start)
    machine = updating("land", machine, landed=z3.Store(landed.term, i, z3.BoolVal(True)))
    return guard("land", "unchanged", z3.Or(unchanged(i), landed.term[i]), machine)


def pops_first() -> Machine:
    return MACHINE.without_guard("pop.restored")


def keeps_added_fields() -> Machine:
    machine = replace(MACHINE, constants=(*MACHINE.constants, absent))
    machine = guard("restore", "differs", z3.And(z3.Not(put_back), entry_before[top] != absent), machine)
    return relaxed("pop", "restored", entry_before[top] == absent, machine)


def forgets_the_stack() -> Machine:
    evict = Transition(
        "evict",
        "environment",
        "The session cache drops the undo stack.",
        (),
        {"open": open_, "idle_too_long": now > opened_at + ttl_us},
        {"depth": z3.IntVal(0), "first": NOTHING_OWNED},
    )
    axioms = (*MACHINE.axioms, Axiom("sessions outlast the window", ttl_us > window_us))
    constants, transitions = (*MACHINE.constants, ttl_us), (*MACHINE.transitions, evict)
    return replace(MACHINE, axioms=axioms, constants=constants, transitions=transitions)


def ignores_others() -> Machine:
    return updating("foreign", MACHINE, first=z3.Store(first, f, first[f]))
