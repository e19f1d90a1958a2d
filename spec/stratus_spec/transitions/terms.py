"""Words transitions are written in: parameters, and guards and updates several of them share."""

from __future__ import annotations

import z3

from ..language import Term
from ..sorts import (
    ACTION,
    AGENT,
    ENVIRONMENT,
    FIELD,
    INT,
    VALUE,
    Phase,
    Reversibility,
    Role,
    literal,
    nobody,
    permitted,
    reversibility,
    role_of,
    window_us,
)
from ..state import (
    c,
    depth,
    e,
    entry_before,
    entry_field,
    first,
    holder,
    now,
    opened_at,
    phase,
    sent,
    sent_field,
    sent_token,
    sent_version,
    token,
    version,
)

a, x = z3.Const("a", AGENT), z3.Const("x", ACTION)
tok, t, i = z3.Const("tok", INT), z3.Const("t", INT), z3.Const("i", INT)
f, v, e2 = z3.Const("f", FIELD), z3.Const("v", VALUE), z3.Const("e2", ENVIRONMENT)

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
top = depth - 1
owned = first[entry_field[top]] >= 0
put_back = c[entry_field[top]] == entry_before[top]
in_window = now <= opened_at + window_us
latest_request = sent - 1


def at(*phases: Phase) -> dict[str, Term]:
    """The guard that the machine stands in one of the phases."""
    return {"phase": z3.Or([phase == literal(p) for p in phases]) if len(phases) > 1 else phase == literal(phases[0])}


def to(target: Phase) -> dict[str, Term]:
    """The update that moves the machine to a phase."""
    return {"phase": literal(target)}


def role(required: Role) -> dict[str, Term]:
    """The guard that agent `a` has a role."""
    return {"role": role_of(a) == literal(required)}


def may_run(candidate: Term) -> Term:
    """An action that may run now: reversible, or compensable with its side condition met."""
    return z3.Or(
        reversibility(candidate) == literal(Reversibility.REVERSIBLE),
        z3.And(reversibility(candidate) == literal(Reversibility.COMPENSABLE), permitted(candidate, c, e)),
    )


def fenced(request: Term) -> Term:
    """The request carries the token of the latest grant."""
    return sent_token[request] == token


def unchanged(request: Term) -> Term:
    """Nobody has written the request's field since the request was computed (compare-and-set)."""
    return sent_version[request] == version[sent_field[request]]


def deliverable(request: Term) -> Term:
    """The server would apply the request if it arrived now."""
    return z3.And(request >= 0, request < sent, fenced(request), unchanged(request))


def bump(field: Term) -> dict[str, Term]:
    """The update a write leaves behind whoever made it."""
    return {"version": z3.Store(version, field, version[field] + 1)}


# `holder` is the lock, `fenced` is the token: an agent whose lease ran out and was granted the lock again
# elsewhere passes the first and fails the second.
HOLDS = {"holder": z3.And(holder == a, holder != nobody), "fenced": tok == token}
FREE = {"free": holder == nobody}
GRANT = {"holder": a, "token": token + 1, "waiting": FALSE}
RELEASE = {"holder": nobody}
CLOSE = {"open": FALSE, **RELEASE}
