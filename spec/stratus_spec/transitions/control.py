"""Who is next: from watching to diagnosis, the write lock, and what follows a transaction."""

from __future__ import annotations

import z3

from ..language import Transition
from ..sorts import Phase, Role, healthy, max_attempts
from ..state import attempts, c, conflict, e, open_
from .terms import FALSE, FREE, GRANT, a, at, role, to

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
        "Not healthy yet, and undo met nobody else's writes: diagnose again.",
        (),
        {**at(Phase.RETRY), "attempts": attempts < max_attempts, "no_conflict": z3.Not(conflict)},
        {**to(Phase.DIAGNOSIS), "attempts": attempts + 1},
    ),
    Transition("escalate", "machine", "A human takes over.", (), at(Phase.RETRY), to(Phase.ESCALATED)),
)
