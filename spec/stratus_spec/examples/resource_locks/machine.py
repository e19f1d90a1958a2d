"""The transitions of many transactions that own disjoint resources, and decide one at a time."""

from __future__ import annotations

import z3

from stratus_spec.language import Axiom, Machine, Term, Transition
from stratus_spec.sorts import AGENT, ENVIRONMENT, FIELD, INT, SEVERITY, VALUE, leq, literal, mu, nobody

from .state import (
    NOTHING,
    RESOURCE,
    TRANSACTION,
    VARIABLES,
    Stage,
    before,
    c,
    decider,
    e,
    lock,
    mine,
    none,
    owner,
    resource_of,
    sigma,
    stage,
    todo,
    token,
    touched,
    trial,
    untouched,
    worker,
)

a, x, r = z3.Const("a", AGENT), z3.Const("x", TRANSACTION), z3.Const("r", RESOURCE)
f, v, e2, tok = z3.Const("f", FIELD), z3.Const("v", VALUE), z3.Const("e2", ENVIRONMENT), z3.Const("tok", INT)
s1, s2, s3 = z3.Consts("s1 s2 s3", SEVERITY)
TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)

ACTS = {"worker": z3.And(worker[x] == a, a != nobody), "fenced": tok == token[x]}
OPEN = (Stage.WORKING, Stage.DECIDING, Stage.APPROVED, Stage.UNDOING)
LEAVES = z3.If(decider == x, none, decider)
"""A transaction that goes away gives the decision slot back."""


def at(*stages: Stage) -> dict[str, Term]:
    """The guard that transaction `x` has come so far."""
    return {
        "stage": z3.Or([stage[x] == literal(s) for s in stages]) if len(stages) > 1 else stage[x] == literal(stages[0])
    }


def to(target: Stage) -> dict[str, Term]:
    """The update that moves transaction `x` on."""
    return {"stage": z3.Store(stage, x, literal(target))}


def disown(transaction: Term, field: Term) -> dict[str, Term]:
    """The update that drops a transaction's undo entry for a field."""
    return {"mine": z3.Store(mine, transaction, z3.Store(mine[transaction], field, FALSE))}


WORK = (
    Transition(
        "begin",
        "mitigator",
        "Open a transaction.",
        (a, x),
        {**at(Stage.UNUSED), "named": x != none, "somebody": a != nobody},
        {**to(Stage.WORKING), "worker": z3.Store(worker, x, a), "token": z3.Store(token, x, token[x] + 1)},
    ),
    Transition(
        "acquire",
        "mitigator",
        "Lock a resource for a transaction, until the transaction has ended.",
        (a, tok, x, r),
        {**ACTS, **at(Stage.WORKING), "free": lock[r] == none},
        {"lock": z3.Store(lock, r, x)},
    ),
    Transition(
        "journal",
        "mitigator",
        "Record the before-image of a field of a locked resource, durably, before it is written.",
        (a, tok, x, f),
        {**ACTS, **at(Stage.WORKING), "locked": owner(f) == x, "new": z3.Not(mine[x][f])},
        {
            "before": z3.Store(before, f, c[f]),
            "mine": z3.Store(mine, x, z3.Store(mine[x], f, TRUE)),
            "touched": z3.Store(touched, f, TRUE),
        },
    ),
    Transition(
        "write",
        "mitigator",
        "Write a field. That it is locked follows from its undo entry.",
        (a, tok, x, f, v),
        {**ACTS, **at(Stage.WORKING), "journaled": mine[x][f]},
        {"c": z3.Store(c, f, v)},
    ),
)

DECISION = (
    Transition(
        "decide",
        "mitigator",
        "Take the decision slot and a twin of the live configuration.",
        (a, tok, x),
        {**ACTS, **at(Stage.WORKING), "slot": decider == none},
        {**to(Stage.DECIDING), "decider": x, "trial": c, "todo": touched},
    ),
    Transition(
        "rewind",
        "machine",
        "Look at one field of the twin: take back what another open transaction wrote there.",
        (f,),
        {"deciding": stage[decider] == literal(Stage.DECIDING), "todo": todo[f]},
        {
            "trial": z3.Store(trial, f, z3.If(z3.And(mine[owner(f)][f], owner(f) != decider), before[f], c[f])),
            "todo": z3.Store(todo, f, FALSE),
        },
    ),
    Transition(
        "approve",
        "machine",
        "The twin, which has this transaction alone, is no worse than the configuration without any: decide to commit.",
        (),
        {
            "deciding": stage[decider] == literal(Stage.DECIDING),
            "complete": todo == NOTHING,
            "no_regression": leq(mu(trial, e), mu(sigma, e)),
        },
        {"stage": z3.Store(stage, decider, literal(Stage.APPROVED)), "decided": e},
    ),
    Transition(
        "commit",
        "mitigator",
        "Close the transaction and keep its effect: it becomes part of what every later decision is compared with.",
        (a, tok, x),
        {**ACTS, **at(Stage.APPROVED)},
        {**to(Stage.CLOSED), "sigma": trial, "mine": z3.Store(mine, x, NOTHING), "decider": none},
    ),
)

UNDO = (
    Transition(
        "reject",
        "machine",
        "Decide to abort: the worker loses the transaction, which keeps its locks.",
        (x,),
        at(Stage.WORKING, Stage.DECIDING, Stage.APPROVED),
        {**to(Stage.UNDOING), "worker": z3.Store(worker, x, nobody), "decider": LEAVES},
    ),
    Transition(
        "take_over",
        "undoer",
        "Undo a transaction nobody works for: the one path for rejection, a lost lease and a crash.",
        (a, x),
        {**at(*OPEN), "abandoned": worker[x] == nobody, "somebody": a != nobody},
        {
            **to(Stage.UNDOING),
            "worker": z3.Store(worker, x, a),
            "token": z3.Store(token, x, token[x] + 1),
            "decider": LEAVES,
        },
    ),
    Transition(
        "restore",
        "undoer",
        "Put the before-image of a field back and drop its undo entry.",
        (a, tok, x, f),
        {**ACTS, **at(Stage.UNDOING), "journaled": mine[x][f]},
        {"c": z3.Store(c, f, before[f]), **disown(x, f)},
    ),
    Transition(
        "abort",
        "undoer",
        "Close the transaction: nothing of it is left.",
        (a, tok, x),
        {**ACTS, **at(Stage.UNDOING), "empty": mine[x] == NOTHING},
        to(Stage.CLOSED),
    ),
    Transition(
        "release",
        "machine",
        "Free a resource of a transaction that has ended.",
        (r,),
        {"ended": stage[lock[r]] == literal(Stage.CLOSED)},
        {"lock": z3.Store(lock, r, none)},
    ),
)

# A foreign write changes what the decision in the slot is compared with, so that decision starts again.
WORLD = (
    Transition(
        "foreign",
        "environment",
        "A human, autoscaler or controller writes a field: no transaction owns it any more.",
        (f, v),
        {},
        {
            "c": z3.Store(c, f, v),
            "sigma": z3.Store(sigma, f, v),
            "untouched": z3.Store(untouched, f, v),
            **disown(owner(f), f),
            "stage": z3.If(decider == none, stage, z3.Store(stage, decider, literal(Stage.WORKING))),
            "decider": none,
        },
    ),
    Transition("drift", "environment", "The environment changes.", (e2,), {}, {"e": e2}),
    Transition(
        "expire",
        "environment",
        "The lease of a transaction's worker runs out, or the worker crashes.",
        (x,),
        {},
        {"worker": z3.Store(worker, x, nobody)},
    ),
)

MACHINE = Machine(
    name="resource locks",
    variables=VARIABLES,
    constants=(nobody, none),
    functions=(mu, leq, resource_of),
    axioms=(
        Axiom("severity is reflexive", leq(s1, s1), (s1,)),
        Axiom("severity is transitive", z3.Implies(z3.And(leq(s1, s2), leq(s2, s3)), leq(s1, s3)), (s1, s2, s3)),
    ),
    init={
        "lock": z3.K(RESOURCE, none),
        "stage": z3.K(TRANSACTION, literal(Stage.UNUSED)),
        "worker": z3.K(TRANSACTION, nobody),
        "token": z3.K(TRANSACTION, z3.IntVal(0)),
        "mine": z3.K(TRANSACTION, NOTHING),
        "touched": NOTHING,
        "decider": none,
        "sigma": c,
        "untouched": c,
    },
    transitions=(*WORK, *DECISION, *UNDO, *WORLD),
)

QUIET = MACHINE.without_transitions("foreign", "drift")
"""No foreign write and no change of the environment: here commits chain."""
