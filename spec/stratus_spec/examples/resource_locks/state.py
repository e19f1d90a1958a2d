"""The state of many transactions that own disjoint resources."""

from __future__ import annotations

from enum import StrEnum

import z3

from stratus_spec.language import Term, Variable
from stratus_spec.sorts import AGENT, BOOL, CONFIGURATION, ENVIRONMENT, FIELD, INT, enumeration


class Stage(StrEnum):
    """How far a transaction is."""

    UNUSED = "unused"
    WORKING = "working"
    DECIDING = "deciding"
    APPROVED = "approved"
    UNDOING = "undoing"
    CLOSED = "closed"


STAGE = enumeration(Stage)
RESOURCE, TRANSACTION = z3.DeclareSort("Resource"), z3.DeclareSort("Transaction")
FIELDS = z3.ArraySort(FIELD, BOOL)

none = z3.Const("none", TRANSACTION)
resource_of = z3.Function("resource_of", FIELD, RESOURCE)

VARIABLES = (
    Variable("c", CONFIGURATION, "cluster", "live configuration"),
    Variable("e", ENVIRONMENT, "cluster", "environment"),
    Variable("lock", z3.ArraySort(RESOURCE, TRANSACTION), "lock", "the transaction that owns a resource; none if free"),
    Variable("stage", z3.ArraySort(TRANSACTION, STAGE), "machine", "how far a transaction is"),
    Variable("worker", z3.ArraySort(TRANSACTION, AGENT), "lock", "the agent that acts for a transaction, or nobody"),
    Variable("token", z3.ArraySort(TRANSACTION, INT), "lock", "fencing token of a transaction's latest worker"),
    Variable("mine", z3.ArraySort(TRANSACTION, FIELDS), "journal", "fields a transaction has an undo entry for"),
    Variable("before", CONFIGURATION, "journal", "the before-image of a field with an undo entry"),
    Variable("touched", FIELDS, "journal", "fields that ever had an undo entry"),
    Variable("decider", TRANSACTION, "lock", "the transaction that holds the decision slot; none if free"),
    Variable("trial", CONFIGURATION, "machine", "the twin: live, with the other transactions' writes taken back"),
    Variable("todo", FIELDS, "machine", "fields the twin has still to look at"),
    Variable("decided", ENVIRONMENT, "machine", "the environment of the latest decision to commit"),
    Variable("sigma", CONFIGURATION, "ghost", "the configuration as it would be without any open transaction"),
    Variable("untouched", CONFIGURATION, "ghost", "the configuration as it would be without any transaction at all"),
)
TERM = {variable.name: variable.term for variable in VARIABLES}
(c, e, lock, stage, worker, token, mine, before, touched, decider, trial, todo, decided, sigma, untouched) = (
    TERM.values()
)

NOTHING = z3.K(FIELD, z3.BoolVal(False))


def after(term: Term) -> Term:
    """The value of a variable after the step."""
    return z3.Const(f"{term}'", term.sort())


def owner(field: Term) -> Term:
    """The transaction that owns the field's resource."""
    return lock[resource_of(field)]
