"""Finite instances of the specification, small enough to be seen whole."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from stratus_spec import ANY, SPECIFICATION, Reversibility, Role, Specification, TotalMap

from .instance import Instance

CREW = tuple(Role)[::-1]
"""One agent of each role, called by its role; the bystander is `nobody`."""
HEALTHY = "value0"
ONCE = range(1)

MEMBERS = {
    "Field": ("field0",),
    "Value": (HEALTHY, "value1"),
    "Environment": ("environment0",),
    "Agent": tuple(role.value for role in CREW),
    "Action": ("action0",),
    "Attempt": ("attempt0", "attempt1"),
    "Severity": ("severity0", "severity1"),
}


def mu(c: TotalMap[str, str], e: str) -> str:
    """Severity: how many fields are not as they should be."""
    return f"severity{sum(c[field] != HEALTHY for field in MEMBERS['Field'])}"


def healthy(c: TotalMap[str, str], e: str) -> bool:
    """Whether every field is as it should be."""
    return mu(c, e) == "severity0"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "mu": mu,
    "leq": operator.le,
    "healthy": healthy,
    "role_of": Role,
    "reversibility": {"action0": Reversibility.REVERSIBLE}.__getitem__,
    "permitted": lambda *_call: True,
    "opening": lambda *_situation: "attempt0",
    "then": lambda *_attempt: "attempt1",
}
CONSTANTS = {"K": 1, "max_steps": 2, "window_us": 1, "max_attempts": 1, "nobody": Role.BYSTANDER.value}


def instance(name: str, setting: str, grants: int, specification: Specification = SPECIFICATION) -> Instance:
    """One field of two values, one action of one journal entry and one request, and the lock granted `grants` times.

    Time stands still: the window has its own proofs. A field is written at most twice.
    """
    tokens = range(grants + 1)
    bounds: Mapping[str, Any] = {"token": tokens, "tok": tokens, "version": range(3)}
    still = dict.fromkeys(("now", "t", "opened_at", "decided_at"), ONCE)
    return Instance(
        name,
        specification.subject(setting),
        specification.claimed(ANY) + (specification.claimed(setting) if setting != ANY else ()),
        MEMBERS,
        FUNCTIONS,
        CONSTANTS,
        ranges={**bounds, **still},
        anywhere=("c",),
    )


INSTANCES = {
    made.name: made
    for made in (
        instance("granted", "quiet", grants=1),
        instance("taken_over", "quiet", grants=2),
        instance("moving", ANY, grants=1),
        instance("moving_taken_over", ANY, grants=2),
    )
}
"""By name: what a quiet and a moving environment can do to one transaction, without and with its undo."""
