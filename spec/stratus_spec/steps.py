"""Step properties: what holds of every step, whoever takes it.

Each carries a premise and a path whose last step meets it, so that nothing holds vacuously.
"""

from __future__ import annotations

import z3

from .language import Property
from .sorts import (
    Phase,
    Reversibility,
    Role,
    healthy,
    leq,
    literal,
    mu,
    nobody,
    reversibility,
    role_of,
    window_us,
)
from .state import (
    action,
    after,
    c,
    checkpoint,
    decided,
    depth,
    e,
    first,
    holder,
    n,
    now,
    opened_at,
    phase,
    running,
    sigma,
    token,
)
from .transitions import a, f, may_run, tok, x
from .vocabulary import (
    ABORTED,
    ACTING,
    APPROVED,
    BEGUN,
    COMMITTED,
    JOURNAL,
    UNDOING,
    UNDONE,
    WRITTEN,
    among,
    by_us,
    changed,
    g,
    only,
    takes_agent,
    takes_token,
)

EDGES: dict[Phase, tuple[Phase, ...]] = {
    Phase.IDLE: (Phase.DETECTION,),
    Phase.DETECTION: (Phase.DIAGNOSIS, Phase.RESOLVED),
    Phase.DIAGNOSIS: (Phase.MITIGATION, Phase.ESCALATED),
    Phase.MITIGATION: (Phase.VALIDATION, Phase.UNDO),
    Phase.VALIDATION: (Phase.COMMIT, Phase.UNDO),
    Phase.COMMIT: (Phase.RETRY, Phase.VALIDATION, Phase.UNDO),
    Phase.UNDO: (Phase.RETRY,),
    Phase.RETRY: (Phase.RESOLVED, Phase.ESCALATED, Phase.DIAGNOSIS),
    Phase.RESOLVED: (),
    Phase.ESCALATED: (),
}
DECIDES = (
    (Phase.DETECTION, (Phase.DIAGNOSIS, Phase.RESOLVED), Role.DETECTOR),
    (Phase.DIAGNOSIS, (Phase.ESCALATED,), Role.DIAGNOSER),
    (Phase.DIAGNOSIS, (Phase.MITIGATION,), Role.MITIGATOR),
    (Phase.MITIGATION, (Phase.VALIDATION,), Role.MITIGATOR),
    (Phase.COMMIT, (Phase.RETRY,), Role.MITIGATOR),
    (Phase.UNDO, (Phase.RETRY,), Role.UNDOER),
)
phase2, running2, n2, c2 = after(phase), after(running), after(n), after(c)

STEPS = (
    Property(
        "phase_order",
        "step",
        "Phases follow the state machine; a run that has ended stays ended.",
        z3.Or(
            phase2 == phase,
            *[z3.And(phase == literal(p), among(phase2, *next_)) for p, next_ in EDGES.items() if next_],
        ),
        z3.And(phase == literal(Phase.RETRY), phase2 == literal(Phase.DIAGNOSIS)),
        (*ABORTED, "again"),
    ),
    Property(
        "phase_roles",
        "step",
        "Each phase is ended by the agent whose phase it is.",
        z3.And(
            [
                z3.Implies(z3.And(phase == literal(p), among(phase2, *targets)), role_of(a) == literal(role))
                for p, targets, role in DECIDES
            ]
        ),
        phase2 != phase,
        ("start", "localise"),
        where=takes_agent,
    ),
    Property(
        "read_only_roles",
        "step",
        "Detectors, diagnosers and bystanders change neither configuration, transaction, journal nor lock.",
        z3.Implies(
            z3.Not(z3.Or(role_of(a) == literal(Role.MITIGATOR), role_of(a) == literal(Role.UNDOER))),
            z3.Not(changed("c", "sigma", "open", "running", "n", "holder", "token", *JOURNAL)),
        ),
        role_of(a) == literal(Role.DETECTOR),
        ("start", "localise"),
        where=takes_agent,
    ),
    Property(
        "exclusive_writer",
        "step",
        "Whoever changes anything on the strength of the lock holds it, with the latest token (A1).",
        z3.Implies(
            changed("phase", "c", "sigma", "open", "running", "n", "action", "holder", *JOURNAL),
            z3.And(holder == a, token == tok),
        ),
        c2 != c,
        WRITTEN,
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
        "writes_in_phase",
        "step",
        "Configuration and journal are changed by an action in mitigation, or by undo.",
        z3.Implies(
            z3.Or(c2 != c, after(depth) > depth),
            z3.Or(running, z3.And(phase == literal(Phase.UNDO), after(depth) < depth)),
        ),
        z3.And(c2 != c, phase == literal(Phase.UNDO)),
        UNDONE,
        where=by_us,
    ),
    Property(
        "journal_shrinks_late",
        "step",
        "Undo entries are dropped only in undo, or all together at commit.",
        z3.Implies(after(depth) < depth, among(phase, Phase.UNDO, Phase.COMMIT)),
        after(depth) < depth,
        UNDONE,
    ),
    Property(
        "owned_writes_only",
        "step",
        "A field is changed only after its before-image is in the journal, and never over a foreign write.",
        z3.Implies(c2[g] != c[g], first[g] >= 0),
        c2[g] != c[g],
        WRITTEN,
        over=(g,),
        where=by_us,
    ),
    Property(
        "one_action_at_a_time",
        "step",
        "The action in flight is not replaced, and starting one counts one.",
        z3.And(
            z3.Implies(z3.And(running, running2), z3.And(after(action) == action, n2 == n)),
            z3.Implies(z3.And(z3.Not(running), running2), n2 == n + 1),
            z3.Implies(n2 != n, z3.Or(n2 == 0, z3.And(z3.Not(running), running2))),
        ),
        z3.And(n == 1, n2 == 2),
        (*ACTING, "complete", "act"),
    ),
    Property(
        "complete_ends_action",
        "step",
        "Completion ends an action that is in flight.",
        z3.And(running, z3.Not(running2)),
        n == 2,
        (*ACTING, "complete", "act", "complete"),
        where=only("complete"),
    ),
    Property(
        "starts_permitted",
        "step",
        "An action starts within the window, reversible or with its side condition met.",
        z3.And(may_run(x), now <= opened_at + window_us, opened_at <= now),
        z3.And(reversibility(x) == literal(Reversibility.COMPENSABLE), now > opened_at),
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
        "decision_stands",
        "step",
        "Between the decision and the commit nothing it rests on changes.",
        z3.Implies(
            z3.And(phase == literal(Phase.COMMIT), phase2 == literal(Phase.COMMIT)),
            z3.Not(changed("c", "sigma", "decided", "decided_at", "opened_at")),
        ),
        z3.And(phase == literal(Phase.COMMIT), after(e) != e),
        (*APPROVED, "drift"),
    ),
    Property(
        "foreign_invalidates",
        "step",
        "A foreign write calls a decision to commit back to validation.",
        z3.Implies(phase == literal(Phase.COMMIT), phase2 == literal(Phase.VALIDATION)),
        phase == literal(Phase.COMMIT),
        (*APPROVED, "foreign"),
        where=only("foreign"),
    ),
    Property(
        "foreign_is_kept",
        "step",
        "A foreign write takes effect with and without the transaction, and disowns the field.",
        z3.And(c2[f] == after(sigma)[f], after(first)[f] == -1),
        first[f] >= 0,
        (*WRITTEN, "foreign"),
        where=only("foreign"),
    ),
    Property(
        "commit_tnr",
        "step",
        "TNR at commit: severity is no worse than the shadow's in the environment of the decision.",
        z3.And(leq(mu(c2, decided), mu(sigma, decided)), c2 == c),
        z3.And(c != sigma, decided != e),
        (*APPROVED, "drift", "commit"),
        where=only("commit"),
    ),
    Property(
        "abort_tnr",
        "step",
        "TNR at abort: the configuration is the shadow.",
        c2 == sigma,
        c2 != checkpoint,
        (*UNDONE, "foreign", "abort"),
        where=only("abort"),
    ),
    Property(
        "abort_restores",
        "step",
        "Quiet: undo restores the checkpoint (A2).",
        c2 == checkpoint,
        n == 1,
        ABORTED,
        where=only("abort"),
        quiet=True,
    ),
    Property(
        "resolved_is_healthy",
        "step",
        "A run ends as resolved only when the system is healthy at that instant.",
        z3.Implies(z3.And(phase2 == literal(Phase.RESOLVED), phase != phase2), healthy(c, e)),
        phase2 == literal(Phase.RESOLVED),
        (*COMMITTED, "resolve"),
    ),
)
