"""The state of the agent state machine: variables, and their values before and after a step."""

from __future__ import annotations

import z3

from .language import Term, Variable
from .sorts import ACTION, AGENT, ATTEMPT, BOOL, CONFIGURATION, ENVIRONMENT, FIELD, INT, PHASE, VALUE

VARIABLES = (
    Variable("phase", PHASE, "machine", "where the state machine stands"),
    Variable("attempts", INT, "machine", "transactions tried again so far"),
    Variable("attempt", ATTEMPT, "machine", "the latest transaction: where it began, and its actions so far"),
    Variable("failed", z3.ArraySort(ATTEMPT, BOOL), "machine", "the attempts that were aborted"),
    Variable("holder", AGENT, "lock", "who holds the write lock; nobody when it is free"),
    Variable("token", INT, "lock", "fencing token of the latest grant; each grant adds one"),
    Variable("c", CONFIGURATION, "cluster", "live configuration: everything an agent can write"),
    Variable("version", z3.ArraySort(FIELD, INT), "cluster", "writes each field has seen (a resourceVersion)"),
    Variable("e", ENVIRONMENT, "cluster", "environment: node health, load, faults, progress of controllers"),
    Variable("now", INT, "cluster", "time, microseconds"),
    Variable("sent", INT, "network", "write requests sent so far; request i lies under i in the next four"),
    Variable("sent_field", z3.ArraySort(INT, FIELD), "network", "the field it writes"),
    Variable("sent_value", z3.ArraySort(INT, VALUE), "network", "the value"),
    Variable("sent_token", z3.ArraySort(INT, INT), "network", "the fencing token it carries"),
    Variable("sent_version", z3.ArraySort(INT, INT), "network", "the version it was computed from"),
    Variable("waiting", BOOL, "machine", "the latest request has no answer yet"),
    Variable("open", BOOL, "machine", "a transaction is open"),
    Variable("opened_at", INT, "machine", "when the latest transaction began, microseconds"),
    Variable("n", INT, "machine", "actions started in the latest transaction"),
    Variable("running", BOOL, "machine", "an action is in flight"),
    Variable("action", ACTION, "machine", "the latest action"),
    Variable("left", INT, "machine", "journal entries and write requests the action in flight may still make"),
    Variable("conflict", BOOL, "machine", "undo has left a field to somebody else in the latest transaction"),
    Variable("depth", INT, "journal", "undo entries in the journal"),
    Variable("entry_field", z3.ArraySort(INT, FIELD), "journal", "the field entry i speaks of"),
    Variable("entry_before", z3.ArraySort(INT, VALUE), "journal", "the field's value when entry i was written"),
    Variable(
        "first",
        z3.ArraySort(FIELD, INT),
        "journal",
        "the field's first entry since the last foreign write to it; -1 when the transaction does not own it",
    ),
    Variable("decided", ENVIRONMENT, "machine", "the environment the latest decision to commit was taken in"),
    Variable("decided_at", INT, "machine", "when it was taken, microseconds"),
    Variable("checkpoint", CONFIGURATION, "ghost", "the configuration when the latest transaction began"),
    Variable(
        "sigma",
        CONFIGURATION,
        "ghost",
        "shadow: the configuration as it would be without the open transaction",
    ),
    Variable("untouched", CONFIGURATION, "ghost", "the configuration as it would be without any transaction"),
)

TERM = {variable.name: variable.term for variable in VARIABLES}
PRIMED = {variable.name: variable.primed for variable in VARIABLES}


def after(term: Term) -> Term:
    """The value of a state variable after the step."""
    return PRIMED[str(term)]


(phase, attempts, attempt, failed, holder, token, c, version, e, now) = list(TERM.values())[:10]
(sent, sent_field, sent_value, sent_token, sent_version, waiting) = list(TERM.values())[10:16]
(open_, opened_at, n, running, action, left, conflict) = list(TERM.values())[16:23]
(depth, entry_field, entry_before, first, decided, decided_at, checkpoint, sigma, untouched) = list(TERM.values())[23:]

NOTHING_OWNED = z3.K(FIELD, z3.IntVal(-1))
NOTHING_FAILED = z3.K(ATTEMPT, z3.BoolVal(False))
