"""A transaction forward: begin, actions written ahead, measurement, commit."""

from __future__ import annotations

import z3

from ..language import Transition
from ..sorts import K, Phase, leq, max_steps, mu, opening, then
from ..state import (
    NOTHING_OWNED,
    attempt,
    c,
    depth,
    e,
    entry_before,
    entry_field,
    failed,
    first,
    left,
    n,
    now,
    running,
    sent,
    sent_field,
    sent_token,
    sent_value,
    sent_version,
    sigma,
    version,
    waiting,
)
from .terms import CLOSE, FALSE, HOLDS, RELEASE, TRUE, a, at, f, in_window, may_run, to, tok, v, x

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
            "attempt": opening(c, e),
            "conflict": FALSE,
        },
    ),
    Transition(
        "act",
        "mitigator",
        "Start one action. What was undone before in this situation is not started a second time.",
        (a, tok, x),
        {
            **at(Phase.MITIGATION),
            **HOLDS,
            "one_at_a_time": z3.Not(running),
            "count": n < K,
            "window": in_window,
            "reversible": may_run(x),
            "untried": z3.Not(failed[then(attempt, x)]),
        },
        {"running": TRUE, "action": x, "n": n + 1, "left": max_steps, "attempt": then(attempt, x)},
    ),
    Transition(
        "journal",
        "mitigator",
        "Record a field's before-image, durably, before the action writes it.",
        (a, tok, f),
        {"running": running, **HOLDS, "steps": left > 0},
        {
            "entry_field": z3.Store(entry_field, depth, f),
            "entry_before": z3.Store(entry_before, depth, c[f]),
            "first": z3.If(first[f] < 0, z3.Store(first, f, depth), first),
            "depth": depth + 1,
            "left": left - 1,
        },
    ),
    Transition(
        "send",
        "mitigator",
        "Send the request to write one field. A foreign write since the journal entry disowns it: journal again first.",
        (a, tok, f, v),
        {
            "running": running,
            **HOLDS,
            "journaled": first[f] >= 0,
            "answered": z3.Not(waiting),
            "steps": left > 0,
        },
        {
            "sent_field": z3.Store(sent_field, sent, f),
            "sent_value": z3.Store(sent_value, sent, v),
            "sent_token": z3.Store(sent_token, sent, tok),
            "sent_version": z3.Store(sent_version, sent, version[f]),
            "sent": sent + 1,
            "waiting": TRUE,
            "left": left - 1,
        },
    ),
    Transition(
        "complete",
        "mitigator",
        "End the action: every request has its answer.",
        (a, tok),
        {"running": running, **HOLDS, "answered": z3.Not(waiting)},
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
        "Measure: severity is no worse than without the transaction at this instant. Decide to commit.",
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
