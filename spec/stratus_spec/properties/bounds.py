"""The risk window (A3): how many actions, how long, how often, and which."""

from __future__ import annotations

import z3

from ..language import Property
from ..sorts import K, Phase, Reversibility, literal, max_attempts, max_steps, reversibility, window_us
from ..state import action, after, attempt, attempts, decided_at, failed, left, n, now, open_, opened_at, phase, running
from ..transitions import may_run, x
from .vocabulary import ABORTED, ACTING, BEGUN, JOURNALED, WRITTEN, only, t_

BOUNDS = (
    Property(
        "reversible_only",
        "invariant",
        "An irreversible action is never in flight.",
        z3.Implies(running, reversibility(action) != literal(Reversibility.IRREVERSIBLE)),
        z3.And(running, reversibility(action) == literal(Reversibility.COMPENSABLE)),
        ACTING,
    ),
    Property(
        "bounded_actions",
        "invariant",
        "At most K actions per transaction (A3).",
        z3.And(n >= 0, n <= K),
        z3.And(n == K, K == 2),
        (*ACTING, "complete", "act"),
    ),
    Property(
        "bounded_attempts",
        "invariant",
        "At most max_attempts transactions are tried again.",
        z3.And(attempts >= 0, attempts <= max_attempts),
        attempts == max_attempts,
        (*ABORTED, "again"),
    ),
    Property(
        "began_in_past",
        "invariant",
        "An open transaction began in the past.",
        z3.Implies(open_, opened_at <= now),
        z3.And(open_, opened_at < now),
        (*BEGUN, "tick"),
    ),
    Property(
        "decided_in_window",
        "invariant",
        "A decision to commit was taken after the transaction began and within the risk window (A3).",
        z3.Implies(
            phase == literal(Phase.COMMIT),
            z3.And(opened_at <= decided_at, decided_at <= opened_at + window_us, decided_at <= now),
        ),
        z3.And(phase == literal(Phase.COMMIT), opened_at < decided_at),
        (*WRITTEN, "complete", "submit", "tick", "approve"),
    ),
    Property(
        "one_action_at_a_time",
        "step",
        "The action in flight is not replaced, and starting one counts one.",
        z3.And(
            z3.Implies(z3.And(running, after(running)), z3.And(after(action) == action, after(n) == n)),
            z3.Implies(z3.And(z3.Not(running), after(running)), after(n) == n + 1),
            z3.Implies(after(n) != n, z3.Or(after(n) == 0, z3.And(z3.Not(running), after(running)))),
        ),
        z3.And(n == 1, after(n) == 2),
        (*ACTING, "complete", "act"),
    ),
    Property(
        "complete_ends_action",
        "step",
        "Completion ends an action that is in flight.",
        z3.And(running, z3.Not(after(running))),
        n == 2,
        (*ACTING, "complete", "act", "complete"),
        where=only("complete"),
    ),
    Property(
        "starts_permitted",
        "step",
        "An action starts within the window, reversible or with its side condition met.",
        z3.And(may_run(x), now <= opened_at + window_us, opened_at <= now),
        z3.And(reversibility(x) == literal(Reversibility.COMPENSABLE), now == opened_at + window_us),
        (*BEGUN, "tick", "act"),
        where=only("act"),
    ),
    Property(
        "time_is_monotone",
        "step",
        "Time does not go back.",
        after(now) >= now,
        after(now) > now,
        ("tick",),
    ),
    Property(
        "bounded_steps",
        "invariant",
        "An action journals and writes a bounded number of fields.",
        z3.And(left >= 0, left <= max_steps),
        z3.And(left == 0, running),
        JOURNALED,
    ),
    Property(
        "attempt_is_new",
        "invariant",
        "No transaction repeats, from the same situation, the actions of one that was aborted.",
        z3.Implies(z3.And(open_, n > 0), z3.Not(failed[attempt])),
        z3.And(open_, n > 0, failed[t_]),
        (*ABORTED, "again", *ACTING[2:]),
        over=(t_,),
    ),
    Property(
        "failure_is_remembered",
        "step",
        "What was aborted is remembered, for good.",
        z3.And(
            z3.Implies(failed[t_], after(failed)[t_]),
            z3.Implies(
                z3.And(phase == literal(Phase.UNDO), after(phase) == literal(Phase.RETRY)), after(failed)[attempt]
            ),
        ),
        z3.And(failed[t_], after(failed)[attempt], t_ != attempt, z3.Not(failed[attempt])),
        (*ABORTED, "again", *ACTING[2:], "reject", "take_over", "abort"),
        over=(t_,),
    ),
)
