"""Words properties are written in: situations, selections of steps, and paths that reach a situation."""

from __future__ import annotations

from collections.abc import Callable

import z3

from ..language import Term, Transition
from ..sorts import (
    ATTEMPT,
    FIELD,
    Phase,
    literal,
    nobody,
)
from ..state import (
    TERM,
    after,
    holder,
)

g = z3.Const("g", FIELD)
r, k = z3.Ints("r k")  # a request, an entry of the journal
t_ = z3.Const("t_", ATTEMPT)
held = holder != nobody

BEGUN = ("start", "localise", "acquire", "begin")
ACTING = (*BEGUN, "act")
JOURNALED = (*ACTING, "journal")
SENT = (*JOURNALED, "send")
WRITTEN = (*SENT, "land")
VALIDATED = (*WRITTEN, "complete", "submit")
APPROVED = (*VALIDATED, "approve")
COMMITTED = (*APPROVED, "commit")
UNDOING = (*WRITTEN, "reject", "take_over")
RESTORED = (*UNDOING, "restore")
UNDONE = (*RESTORED, "pop")
ABORTED = (*UNDONE, "abort")


def among(term: Term, *phases: Phase) -> Term:
    """`term` is one of the phases."""
    return z3.Or([term == literal(p) for p in phases])


def takes_agent(transition: Transition) -> bool:
    """The step is taken by an agent."""
    return "a" in transition.param_names


def takes_token(transition: Transition) -> bool:
    """The step is taken by an agent that claims to hold the lock."""
    return "tok" in transition.param_names


def by_us(transition: Transition) -> bool:
    """The step is the machine's, an agent's or the server's, not the environment's."""
    return transition.actor != "environment"


def only(*names: str) -> Callable[[Transition], bool]:
    """The step is one of these transitions."""
    return lambda transition: transition.name in names


def changed(*names: str) -> Term:
    """Some of these variables changed."""
    return z3.Or([after(TERM[name]) != TERM[name] for name in names])


IN_TRANSACTION = (Phase.MITIGATION, Phase.VALIDATION, Phase.COMMIT, Phase.UNDO)
TERMINAL = (Phase.RESOLVED, Phase.ESCALATED)
JOURNAL = ("depth", "entry_field", "entry_before", "first")
