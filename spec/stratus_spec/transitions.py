"""The transitions: what agents, the machine and the environment may do, and when.

Source: STRATUS (arXiv 2506.02009), section 3 for the phases, the readers-writer lock (A1), faithful undo
(A2), the bound on actions (A3) and commit and abort. Fencing tokens, the time window, crash recovery and
foreign writes are ours.
"""

from __future__ import annotations

import z3

from .language import Term, Transition
from .sorts import (
    ACTION,
    AGENT,
    ENVIRONMENT,
    FIELD,
    INT,
    VALUE,
    K,
    Phase,
    Reversibility,
    Role,
    healthy,
    leq,
    literal,
    max_attempts,
    mu,
    nobody,
    permitted,
    reversibility,
    role_of,
    window_us,
)
from .state import (
    NOTHING_OWNED,
    attempts,
    c,
    depth,
    e,
    entry_before,
    entry_field,
    first,
    holder,
    n,
    now,
    open_,
    opened_at,
    phase,
    running,
    sigma,
    token,
)

a, x = z3.Const("a", AGENT), z3.Const("x", ACTION)
tok, t = z3.Const("tok", INT), z3.Const("t", INT)
f, v, e2 = z3.Const("f", FIELD), z3.Const("v", VALUE), z3.Const("e2", ENVIRONMENT)

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
top = depth - 1
owned = first[entry_field[top]] >= 0
in_window = now <= opened_at + window_us


def at(*phases: Phase) -> dict[str, Term]:
    """The guard that the machine stands in one of the phases."""
    return {"phase": z3.Or([phase == literal(p) for p in phases]) if len(phases) > 1 else phase == literal(phases[0])}


def to(target: Phase) -> dict[str, Term]:
    """The update that moves the machine to a phase."""
    return {"phase": literal(target)}


def role(required: Role) -> dict[str, Term]:
    """The guard that agent `a` has a role."""
    return {"role": role_of(a) == literal(required)}


def may_run(candidate: Term) -> Term:
    """An action that may run now: reversible, or compensable with its side condition met."""
    return z3.Or(
        reversibility(candidate) == literal(Reversibility.REVERSIBLE),
        z3.And(reversibility(candidate) == literal(Reversibility.COMPENSABLE), permitted(candidate, c, e)),
    )


# `holder` is the lock, `fenced` is the token: an agent whose lease ran out and was granted the lock again
# elsewhere passes the first and fails the second.
HOLDS = {"holder": z3.And(holder == a, holder != nobody), "fenced": tok == token}
FREE = {"free": holder == nobody}
GRANT = {"holder": a, "token": token + 1}
RELEASE = {"holder": nobody}
CLOSE = {"open": FALSE, **RELEASE}

SEARCH = (
    Transition("start", "machine", "Watch the system.", (), at(Phase.IDLE), to(Phase.DETECTION)),
    Transition(
        "localise",
        "detector",
        "Something is wrong: diagnose it.",
        (a,),
        {**at(Phase.DETECTION), **role(Role.DETECTOR)},
        to(Phase.DIAGNOSIS),
    ),
    Transition(
        "all_clear",
        "detector",
        "Nothing is wrong.",
        (a,),
        {**at(Phase.DETECTION), **role(Role.DETECTOR), "healthy": healthy(c, e)},
        to(Phase.RESOLVED),
    ),
    Transition(
        "give_up",
        "diagnoser",
        "The cause was not found: a human takes over.",
        (a,),
        {**at(Phase.DIAGNOSIS), **role(Role.DIAGNOSER), **FREE},
        to(Phase.ESCALATED),
    ),
)

LOCK = (
    Transition(
        "acquire",
        "mitigator",
        "Take the write lock with a token greater than all before.",
        (a,),
        {**at(Phase.DIAGNOSIS), **FREE, **role(Role.MITIGATOR)},
        GRANT,
    ),
    Transition(
        "take_over",
        "undoer",
        "Abort the open transaction: the one path for rejection, an expired lease and a crash.",
        (a,),
        {**FREE, "open": open_, **role(Role.UNDOER)},
        {**GRANT, **to(Phase.UNDO), "running": FALSE},
    ),
)

MITIGATION = (
    Transition(
        "begin",
        "mitigator",
        "Open a transaction: checkpoint the configuration.",
        (a, tok),
        {**at(Phase.DIAGNOSIS), **HOLDS},
        {
            **to(Phase.MITIGATION),
            "open": TRUE,
            "checkpoint": c,
            "sigma": c,
            "n": z3.IntVal(0),
            "opened_at": now,
        },
    ),
    Transition(
        "act",
        "mitigator",
        "Start one action.",
        (a, tok, x),
        {
            **at(Phase.MITIGATION),
            **HOLDS,
            "one_at_a_time": z3.Not(running),
            "count": n < K,
            "window": in_window,
            "reversible": may_run(x),
        },
        {"running": TRUE, "action": x, "n": n + 1},
    ),
    Transition(
        "journal",
        "mitigator",
        "Record a field's before-image, durably, before the action writes it.",
        (a, tok, f),
        {"running": running, **HOLDS},
        {
            "entry_field": z3.Store(entry_field, depth, f),
            "entry_before": z3.Store(entry_before, depth, c[f]),
            "first": z3.If(first[f] < 0, z3.Store(first, f, depth), first),
            "depth": depth + 1,
        },
    ),
    Transition(
        "write",
        "mitigator",
        "Write one field. A foreign write since the journal entry disowns it: journal again first.",
        (a, tok, f, v),
        {"running": running, **HOLDS, "journaled": first[f] >= 0},
        {"c": z3.Store(c, f, v)},
    ),
    Transition(
        "complete",
        "mitigator",
        "End the action.",
        (a, tok),
        {"running": running, **HOLDS},
        {"running": FALSE},
    ),
    Transition(
        "submit",
        "mitigator",
        "Ask for validation.",
        (a, tok),
        {**at(Phase.MITIGATION), **HOLDS, "idle": z3.Not(running)},
        to(Phase.VALIDATION),
    ),
)

DECISION = (
    Transition(
        "approve",
        "machine",
        "Severity is no worse than without the transaction at this instant: decide to commit.",
        (),
        {**at(Phase.VALIDATION), "window": in_window, "no_regression": leq(mu(c, e), mu(sigma, e))},
        {**to(Phase.COMMIT), "decided": e, "decided_at": now},
    ),
    Transition(
        "reject",
        "machine",
        "Decide to abort: the writer loses the lock and an undoer takes over.",
        (),
        at(Phase.MITIGATION, Phase.VALIDATION),
        {**to(Phase.UNDO), **RELEASE, "running": FALSE},
    ),
    Transition(
        "commit",
        "mitigator",
        "Close the transaction and keep its effect.",
        (a, tok),
        {**at(Phase.COMMIT), **HOLDS},
        {**to(Phase.RETRY), **CLOSE, "sigma": c, "depth": z3.IntVal(0), "first": NOTHING_OWNED},
    ),
)

# `undo` needs no guard on depth: without entries no field is owned (the proofs show it).
UNDO = (
    Transition(
        "undo",
        "undoer",
        "Restore the latest entry's before-image and drop the entry.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "owned": owned},
        {
            "c": z3.Store(c, entry_field[top], entry_before[top]),
            "first": z3.If(first[entry_field[top]] == top, z3.Store(first, entry_field[top], -1), first),
            "depth": top,
        },
    ),
    Transition(
        "skip",
        "undoer",
        "Leave a field alone that somebody else wrote since, and drop the entry: a conflict to report.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "nonempty": depth > 0, "disowned": z3.Not(owned)},
        {"depth": top},
    ),
    Transition(
        "abort",
        "undoer",
        "Close the transaction: nothing of it is left.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "empty": depth == 0},
        {**to(Phase.RETRY), **CLOSE},
    ),
)

OUTCOME = (
    Transition(
        "resolve",
        "machine",
        "The system is healthy: done.",
        (),
        {**at(Phase.RETRY), "healthy": healthy(c, e)},
        to(Phase.RESOLVED),
    ),
    Transition(
        "again",
        "machine",
        "Not healthy yet: diagnose again.",
        (),
        {**at(Phase.RETRY), "attempts": attempts < max_attempts},
        {**to(Phase.DIAGNOSIS), "attempts": attempts + 1},
    ),
    Transition("escalate", "machine", "A human takes over.", (), at(Phase.RETRY), to(Phase.ESCALATED)),
)

WORLD = (
    Transition(
        "foreign",
        "environment",
        "A human, autoscaler or controller writes a field. The transaction no longer owns it, and a decision "
        "to commit was measured on another configuration: validate again.",
        (f, v),
        {},
        {
            "c": z3.Store(c, f, v),
            "sigma": z3.Store(sigma, f, v),
            "first": z3.Store(first, f, -1),
            "phase": z3.If(phase == literal(Phase.COMMIT), literal(Phase.VALIDATION), phase),
        },
    ),
    Transition("drift", "environment", "The environment changes.", (e2,), {}, {"e": e2}),
    Transition("tick", "environment", "Time passes.", (t,), {"monotone": t >= now}, {"now": t}),
    Transition(
        "expire",
        "environment",
        "The lease runs out under its holder, or the holder crashes.",
        (),
        {},
        RELEASE,
    ),
)
