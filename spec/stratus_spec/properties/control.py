"""Who acts when: phases, roles, and how a run ends."""

from __future__ import annotations

import z3

from ..language import Property
from ..sorts import Phase, Role, healthy, literal, role_of
from ..state import after, c, conflict, e, holder, open_, phase, running
from ..transitions import a
from .vocabulary import (
    ABORTED,
    ACTING,
    BEGUN,
    COMMITTED,
    IN_TRANSACTION,
    JOURNAL,
    TERMINAL,
    UNDOING,
    WRITTEN,
    among,
    changed,
    held,
    takes_agent,
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

CONTROL = (
    Property(
        "open_in_phase",
        "invariant",
        "A transaction is open exactly in mitigation, validation, commit and undo.",
        open_ == among(phase, *IN_TRANSACTION),
        open_,
        BEGUN,
    ),
    Property(
        "lock_in_phase",
        "invariant",
        "The lock is held only from diagnosis to the end of the transaction.",
        z3.Implies(held, among(phase, Phase.DIAGNOSIS, *IN_TRANSACTION)),
        held,
        BEGUN,
    ),
    Property(
        "terminal_is_clean",
        "invariant",
        "When the run has ended no transaction is open and nobody holds the lock.",
        z3.Implies(among(phase, *TERMINAL), z3.And(z3.Not(open_), z3.Not(held))),
        among(phase, *TERMINAL),
        (*ABORTED, "escalate"),
    ),
    Property(
        "mitigator_writes",
        "invariant",
        "Outside undo, the writer is a mitigator.",
        z3.Implies(z3.And(held, phase != literal(Phase.UNDO)), role_of(holder) == literal(Role.MITIGATOR)),
        z3.And(held, phase == literal(Phase.MITIGATION)),
        BEGUN,
    ),
    Property(
        "undoer_undoes",
        "invariant",
        "In undo, the writer is an undoer.",
        z3.Implies(z3.And(held, phase == literal(Phase.UNDO)), role_of(holder) == literal(Role.UNDOER)),
        z3.And(held, phase == literal(Phase.UNDO)),
        UNDOING,
    ),
    Property(
        "action_in_mitigation",
        "invariant",
        "An action is in flight only during mitigation.",
        z3.Implies(running, phase == literal(Phase.MITIGATION)),
        running,
        ACTING,
    ),
    Property(
        "phase_order",
        "step",
        "Phases follow the state machine; a run that has ended stays ended.",
        z3.Or(
            after(phase) == phase,
            *[z3.And(phase == literal(p), among(after(phase), *next_)) for p, next_ in EDGES.items() if next_],
        ),
        z3.And(phase == literal(Phase.RETRY), after(phase) == literal(Phase.DIAGNOSIS)),
        (*ABORTED, "again"),
    ),
    Property(
        "phase_roles",
        "step",
        "Each phase is ended by the agent whose phase it is.",
        z3.And(
            [
                z3.Implies(z3.And(phase == literal(p), among(after(phase), *targets)), role_of(a) == literal(role))
                for p, targets, role in DECIDES
            ]
        ),
        after(phase) != phase,
        ("start", "localise"),
        where=takes_agent,
    ),
    Property(
        "read_only_roles",
        "step",
        "Detectors, diagnosers and bystanders change neither configuration, transaction, journal nor lock.",
        z3.Implies(
            z3.Not(z3.Or(role_of(a) == literal(Role.MITIGATOR), role_of(a) == literal(Role.UNDOER))),
            z3.Not(changed("c", "sigma", "open", "running", "n", "holder", "token", "sent", *JOURNAL)),
        ),
        role_of(a) == literal(Role.DETECTOR),
        ("start", "localise"),
        where=takes_agent,
    ),
    Property(
        "resolved_is_healthy",
        "step",
        "A run ends as resolved only when the system is healthy at that instant.",
        z3.Implies(z3.And(after(phase) == literal(Phase.RESOLVED), phase != after(phase)), healthy(c, e)),
        after(phase) == literal(Phase.RESOLVED),
        (*COMMITTED, "resolve"),
    ),
    Property(
        "conflict_escalates",
        "step",
        "After undo met somebody else's write, a human decides: there is no further attempt.",
        z3.Implies(z3.And(conflict, phase == literal(Phase.RETRY)), after(phase) != literal(Phase.DIAGNOSIS)),
        z3.And(conflict, after(phase) == literal(Phase.ESCALATED)),
        (*WRITTEN, "foreign", "reject", "take_over", "skip", "abort", "escalate"),
    ),
)
