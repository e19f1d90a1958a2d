"""What happens to a transaction: the server answers, others write, time passes, leases end, processes die."""

from __future__ import annotations

import z3

from ..language import Transition
from ..sorts import Phase, literal
from ..state import (
    c,
    first,
    now,
    open_,
    phase,
    sent,
    sent_field,
    sent_value,
    sigma,
    untouched,
    waiting,
)
from .terms import FALSE, RELEASE, bump, deliverable, e2, f, fenced, i, latest_request, t, unchanged, v

# A request may arrive at any time after it was sent, more than once, and long after its sender lost the lock.
SERVER = (
    Transition(
        "land",
        "server",
        "Apply a write request. The server checks what the request carries, not who holds the lock by now.",
        (i,),
        {"sent": z3.And(i >= 0, i < sent), "fenced": fenced(i), "unchanged": unchanged(i)},
        {"c": z3.Store(c, sent_field[i], sent_value[i]), **bump(sent_field[i]), "waiting": FALSE},
    ),
    Transition(
        "refuse",
        "server",
        "Answer the latest request that it came too late: nothing was written.",
        (),
        {"waiting": waiting, "late": z3.Not(deliverable(latest_request))},
        {"waiting": FALSE},
    ),
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
            "untouched": z3.Store(untouched, f, v),
            "first": z3.Store(first, f, -1),
            **bump(f),
            "phase": z3.If(phase == literal(Phase.COMMIT), literal(Phase.VALIDATION), phase),
        },
    ),
    Transition("drift", "environment", "The environment changes.", (e2,), {}, {"e": e2}),
    Transition("tick", "environment", "Time passes.", (t,), {"monotone": t >= now}, {"now": t}),
    Transition("expire", "environment", "The lease runs out under its holder, who may not notice.", (), {}, RELEASE),
    Transition(
        "crash",
        "environment",
        "The process dies in a transaction, and its lease with it. What is left is the cluster, the journal, and "
        "requests under way: undo.",
        (),
        {"open": open_},
        {**RELEASE, "running": FALSE, "phase": literal(Phase.UNDO)},
    ),
)
