"""Sorts, functions and constants the specification speaks of.

Uninterpreted sorts and functions stand for whatever a user plugs in: the theorems hold for every severity,
every notion of health and every catalogue of actions that satisfies the axioms in `machine.py`.
"""

from __future__ import annotations

from enum import StrEnum

import z3


class Phase(StrEnum):
    """Where the agent state machine stands (STRATUS, figure 2, with the transaction made explicit)."""

    IDLE = "idle"
    DETECTION = "detection"
    DIAGNOSIS = "diagnosis"
    MITIGATION = "mitigation"
    VALIDATION = "validation"
    COMMIT = "commit"
    UNDO = "undo"
    RETRY = "retry"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


class Role(StrEnum):
    """What an agent may do. Only mitigators and undoers write, and only while they hold the lock."""

    DETECTOR = "detector"
    DIAGNOSER = "diagnoser"
    MITIGATOR = "mitigator"
    UNDOER = "undoer"
    BYSTANDER = "bystander"


class Reversibility(StrEnum):
    """Whether an action's before-image brings the configuration, and the system, back."""

    REVERSIBLE = "reversible"
    COMPENSABLE = "compensable"
    IRREVERSIBLE = "irreversible"


def _enum(members: type[StrEnum]) -> z3.DatatypeSortRef:
    return z3.EnumSort(members.__name__, [member.value for member in members])[0]


PHASE, ROLE, REVERSIBILITY = _enum(Phase), _enum(Role), _enum(Reversibility)
FIELD, VALUE, ENVIRONMENT, AGENT, ACTION, SEVERITY = (
    z3.DeclareSort(name) for name in ("Field", "Value", "Environment", "Agent", "Action", "Severity")
)
INT, BOOL = z3.IntSort(), z3.BoolSort()
CONFIGURATION = z3.ArraySort(FIELD, VALUE)

ENUMS: dict[str, type[StrEnum]] = {members.__name__: members for members in (Phase, Role, Reversibility)}


def literal(member: StrEnum) -> z3.ExprRef:
    """The Z3 constant of an enumeration member."""
    sort = {"Phase": PHASE, "Role": ROLE, "Reversibility": REVERSIBILITY}[type(member).__name__]
    return sort.constructor(list(type(member)).index(member))()


mu = z3.Function("mu", CONFIGURATION, ENVIRONMENT, SEVERITY)
leq = z3.Function("leq", SEVERITY, SEVERITY, BOOL)
healthy = z3.Function("healthy", CONFIGURATION, ENVIRONMENT, BOOL)
role_of = z3.Function("role_of", AGENT, ROLE)
reversibility = z3.Function("reversibility", ACTION, REVERSIBILITY)
permitted = z3.Function("permitted", ACTION, CONFIGURATION, ENVIRONMENT, BOOL)
FUNCTIONS = (mu, leq, healthy, role_of, reversibility, permitted)

K, window_us, max_attempts = z3.Ints("K window_us max_attempts")
nobody = z3.Const("nobody", AGENT)
CONSTANTS = (K, window_us, max_attempts, nobody)
