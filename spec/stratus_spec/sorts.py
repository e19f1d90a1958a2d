"""Sorts, functions and constants the specification speaks of.

Uninterpreted sorts and functions stand for whatever a user plugs in: the theorems hold for every severity,
every notion of health and every catalogue of actions that satisfies the axioms in `machine.py`.
"""

from __future__ import annotations

from enum import StrEnum

import z3

from .errors import MachineError


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


ENUMS: dict[str, type[StrEnum]] = {}
_SORTS: dict[str, z3.DatatypeSortRef] = {}


def enumeration(members: type[StrEnum]) -> z3.DatatypeSortRef:
    """The sort of an enumeration, whose members prover, compiler and interpreter then know by the class's name.

    Raises MachineError when another class has that name already, because sorts go by name.
    """
    name = members.__name__
    if ENUMS.setdefault(name, members) is not members:
        raise MachineError(f"there is an enumeration {name} already: give this one another name")
    if name not in _SORTS:
        _SORTS[name] = z3.EnumSort(name, [member.value for member in members])[0]
    return _SORTS[name]


PHASE, ROLE, REVERSIBILITY = enumeration(Phase), enumeration(Role), enumeration(Reversibility)
FIELD, VALUE, ENVIRONMENT, AGENT, ACTION, ATTEMPT, SEVERITY = (
    z3.DeclareSort(name) for name in ("Field", "Value", "Environment", "Agent", "Action", "Attempt", "Severity")
)
INT, BOOL = z3.IntSort(), z3.BoolSort()
CONFIGURATION = z3.ArraySort(FIELD, VALUE)


def literal(member: StrEnum) -> z3.ExprRef:
    """The Z3 constant of an enumeration member."""
    return _SORTS[type(member).__name__].constructor(list(type(member)).index(member))()


mu = z3.Function("mu", CONFIGURATION, ENVIRONMENT, SEVERITY)
leq = z3.Function("leq", SEVERITY, SEVERITY, BOOL)
healthy = z3.Function("healthy", CONFIGURATION, ENVIRONMENT, BOOL)
role_of = z3.Function("role_of", AGENT, ROLE)
reversibility = z3.Function("reversibility", ACTION, REVERSIBILITY)
permitted = z3.Function("permitted", ACTION, CONFIGURATION, ENVIRONMENT, BOOL)
# An attempt is the situation a transaction began in and the actions started since.
opening = z3.Function("opening", CONFIGURATION, ENVIRONMENT, ATTEMPT)
then = z3.Function("then", ATTEMPT, ACTION, ATTEMPT)
FUNCTIONS = (mu, leq, healthy, role_of, reversibility, permitted, opening, then)

K, max_steps, window_us, max_attempts = z3.Ints("K max_steps window_us max_attempts")
nobody = z3.Const("nobody", AGENT)
CONSTANTS = (K, max_steps, window_us, max_attempts, nobody)
