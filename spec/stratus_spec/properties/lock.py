"""Writer exclusivity (A1): the lock, the fencing token, and requests under way."""

from __future__ import annotations

import z3

from ..language import Property
from ..sorts import Phase, literal, nobody
from ..state import (
    after,
    c,
    first,
    holder,
    open_,
    phase,
    running,
    sent,
    sent_field,
    sent_token,
    sent_value,
    sent_version,
    token,
    version,
    waiting,
)
from ..transitions import a, i, tok
from ..transitions.terms import deliverable, latest_request
from .vocabulary import JOURNAL, SENT, UNDOING, changed, held, only, r, takes_token

LOCK = (
    Property(
        "held_was_granted",
        "invariant",
        "A held lock was granted: its token is positive.",
        z3.And(token >= 0, z3.Implies(held, token > 0)),
        z3.And(held, token == 2),
        UNDOING,
    ),
    Property(
        "exclusive_writer",
        "step",
        "Whoever changes anything on the strength of the lock holds it, with the latest token (A1).",
        z3.Implies(
            changed(
                "phase", "c", "sigma", "open", "running", "n", "action", "left", "holder", "sent", "failed", *JOURNAL
            ),
            z3.And(holder == a, token == tok),
        ),
        after(sent) != sent,
        SENT,
        where=takes_token,
    ),
    Property(
        "grant_is_fresh",
        "step",
        "The lock is granted only when free, with a token greater than all before.",
        z3.And(
            after(token) >= token,
            z3.Implies(
                z3.And(after(holder) != holder, after(holder) != nobody),
                z3.And(holder == nobody, after(token) > token),
            ),
        ),
        z3.And(token > 0, after(holder) != holder, after(holder) != nobody),
        UNDOING,
    ),
    Property(
        "requests_are_past",
        "invariant",
        "A request carries a token that was granted and a version its field has had.",
        z3.And(
            sent >= 0,
            z3.Implies(
                z3.And(r >= 0, r < sent),
                z3.And(sent_token[r] <= token, sent_version[r] <= version[sent_field[r]]),
            ),
        ),
        z3.And(r >= 0, r < sent, sent_token[r] < token),
        (*SENT, "reject", "take_over"),
        over=(r,),
    ),
    Property(
        "waiting_in_action",
        "invariant",
        "An answer is awaited only by an action, or by nobody once its transaction is to be undone.",
        z3.Implies(
            waiting, z3.And(open_, sent > 0, z3.Or(running, z3.And(phase == literal(Phase.UNDO), z3.Not(held))))
        ),
        z3.And(waiting, phase == literal(Phase.UNDO)),
        (*SENT, "crash"),
    ),
    Property(
        "late_is_refused",
        "invariant",
        "A request the server would still apply is the one awaited, and the transaction owns its field (fencing).",
        z3.Implies(deliverable(r), z3.And(waiting, r == latest_request, first[sent_field[r]] >= 0)),
        z3.And(deliverable(r), c[sent_field[r]] != sent_value[r]),
        SENT,
        over=(r,),
    ),
    Property(
        "lands_in_transaction",
        "step",
        "What lands carries the latest token, and belongs to an action in flight or to a transaction not undone yet.",
        z3.And(sent_token[i] == token, open_, z3.Or(running, z3.And(phase == literal(Phase.UNDO), z3.Not(held)))),
        z3.And(phase == literal(Phase.UNDO), after(c) != c),
        (*SENT, "crash", "land"),
        where=only("land"),
    ),
)
