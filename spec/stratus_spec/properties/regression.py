"""Transactional no-regression: at the decision, in a quiet environment, and in expected ones."""

from __future__ import annotations

import z3

from ..language import Property
from ..machine import any_e, calm, expected, robust
from ..sorts import Phase, leq, literal, mu
from ..state import after, c, checkpoint, decided, e, n, open_, phase, sigma, untouched
from .vocabulary import ABORTED, APPROVED, COMMITTED, UNDONE, WRITTEN, changed, only

REGRESSION = (
    Property(
        "commit_no_regression",
        "invariant",
        "Once decided to commit, severity is no worse than without the transaction at the decision (TNR).",
        z3.Implies(phase == literal(Phase.COMMIT), leq(mu(c, decided), mu(sigma, decided))),
        z3.And(phase == literal(Phase.COMMIT), z3.Not(leq(mu(sigma, decided), mu(c, decided)))),
        APPROVED,
    ),
    Property(
        "quiet_shadow",
        "invariant",
        "Quiet: without the transaction the configuration would be the checkpoint.",
        z3.Implies(open_, sigma == checkpoint),
        z3.And(open_, c != checkpoint),
        WRITTEN,
        setting="quiet",
    ),
    Property(
        "quiet_decision",
        "invariant",
        "Quiet: the environment of the decision is still the environment.",
        z3.Implies(phase == literal(Phase.COMMIT), decided == e),
        phase == literal(Phase.COMMIT),
        APPROVED,
        setting="quiet",
    ),
    Property(
        "quiet_bound",
        "invariant",
        "Quiet: without the open transaction, so outside transactions, severity never exceeds the first (the lemma).",
        leq(mu(sigma, e), mu(untouched, e)),
        z3.And(z3.Not(open_), z3.Not(leq(mu(untouched, e), mu(c, e)))),
        COMMITTED,
        setting="quiet",
    ),
    Property(
        "decision_stands",
        "step",
        "Between the decision and the commit nothing it rests on changes.",
        z3.Implies(
            z3.And(phase == literal(Phase.COMMIT), after(phase) == literal(Phase.COMMIT)),
            z3.Not(changed("c", "sigma", "decided", "decided_at", "opened_at")),
        ),
        z3.And(phase == literal(Phase.COMMIT), after(e) != e),
        (*APPROVED, "drift"),
    ),
    Property(
        "foreign_invalidates",
        "step",
        "A foreign write calls a decision to commit back to validation.",
        z3.Implies(phase == literal(Phase.COMMIT), after(phase) == literal(Phase.VALIDATION)),
        phase == literal(Phase.COMMIT),
        (*APPROVED, "foreign"),
        where=only("foreign"),
    ),
    Property(
        "commit_tnr",
        "step",
        "TNR at commit: severity is no worse than the shadow's in the environment of the decision.",
        z3.And(leq(mu(after(c), decided), mu(sigma, decided)), after(c) == c),
        z3.And(c != sigma, decided != e),
        (*APPROVED, "drift", "commit"),
        where=only("commit"),
    ),
    Property(
        "abort_tnr",
        "step",
        "TNR at abort: the configuration is the shadow.",
        after(c) == sigma,
        after(c) != checkpoint,
        (*UNDONE, "foreign", "abort"),
        where=only("abort"),
    ),
    Property(
        "abort_restores",
        "step",
        "Quiet: undo restores the checkpoint (A2).",
        after(c) == checkpoint,
        n == 1,
        ABORTED,
        where=only("abort"),
        setting="quiet",
    ),
    Property(
        "expected_environment",
        "invariant",
        "Robust: the environment is an expected one.",
        expected(e),
        e != calm,
        ("drift",),
        setting="robust",
    ),
    Property(
        "robust_decision",
        "invariant",
        "Robust: once decided to commit, severity is no worse in any expected environment.",
        z3.Implies(phase == literal(Phase.COMMIT), robust(c, sigma)),
        z3.And(phase == literal(Phase.COMMIT), c != sigma),
        APPROVED,
        setting="robust",
    ),
    Property(
        "robust_chain",
        "invariant",
        "Robust: without the open transaction, severity is no worse than the untouched system's in any expected "
        "environment.",
        z3.Implies(expected(any_e), leq(mu(sigma, any_e), mu(untouched, any_e))),
        z3.And(expected(any_e), z3.Not(open_), z3.Not(leq(mu(untouched, any_e), mu(sigma, any_e)))),
        COMMITTED,
        over=(any_e,),
        setting="robust",
    ),
    Property(
        "robust_bound",
        "invariant",
        "Robust: outside transactions severity is never worse than if no transaction had ever been.",
        z3.Implies(z3.Not(open_), leq(mu(c, e), mu(untouched, e))),
        z3.And(z3.Not(open_), e != calm, c != untouched),
        (*COMMITTED, "drift"),
        setting="robust",
    ),
)

UNCLAIMED = (
    Property(
        "moving_chain",
        "invariant",
        "Moving environment: outside transactions severity is never worse than if no transaction had ever been.",
        z3.Implies(z3.Not(open_), leq(mu(c, e), mu(untouched, e))),
        z3.And(z3.Not(open_), c != untouched),
        COMMITTED,
    ),
    Property(
        "commit_later",
        "step",
        "TNR at the instant of the commit instead of the decision.",
        leq(mu(after(c), e), mu(sigma, e)),
        c != sigma,
        COMMITTED,
        where=only("commit"),
    ),
)
"""What does not hold, and is not claimed: a commit that was right when it was decided can turn out wrong later."""
