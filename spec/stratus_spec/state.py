"""The state of the agent state machine: variables, and their values before and after a step."""

from __future__ import annotations

import z3

from .language import Term, Variable
from .sorts import ACTION, AGENT, BOOL, CONFIGURATION, ENVIRONMENT, FIELD, INT, PHASE, SEVERITY, VALUE

VARIABLES = (
    Variable("phase", PHASE, "machine", "where the state machine stands"),
    Variable("attempts", INT, "machine", "transactions tried again so far"),
    Variable("holder", AGENT, "lock", "who holds the write lock; nobody when it is free"),
    Variable("token", INT, "lock", "fencing token of the latest grant; each grant adds one"),
    Variable("c", CONFIGURATION, "cluster", "live configuration: everything an agent can write"),
    Variable("e", ENVIRONMENT, "cluster", "environment: node health, load, faults, progress of controllers"),
    Variable("now", INT, "cluster", "time, microseconds"),
    Variable("open", BOOL, "machine", "a transaction is open"),
    Variable("opened_at", INT, "machine", "when the latest transaction began, microseconds"),
    Variable("n", INT, "machine", "actions started in the latest transaction"),
    Variable("running", BOOL, "machine", "an action is in flight"),
    Variable("action", ACTION, "machine", "the latest action"),
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
    Variable("b", SEVERITY, "ghost", "severity of the first state"),
)

TERM = {variable.name: variable.term for variable in VARIABLES}
PRIMED = {variable.name: variable.primed for variable in VARIABLES}


def after(term: Term) -> Term:
    """The value of a state variable after the step."""
    return PRIMED[str(term)]


(phase, attempts, holder, token, c, e, now, open_, opened_at, n, running, action) = list(TERM.values())[:12]
(depth, entry_field, entry_before, first, decided, decided_at, checkpoint, sigma, b) = list(TERM.values())[12:]

NOTHING_OWNED = z3.K(FIELD, z3.IntVal(-1))
