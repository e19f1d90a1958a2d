"""Termination: every step of the machine, its agents and the server lowers a rank, and some step is always possible.

Foreign writes, lost leases and crashes may raise the rank. Hence a run in which they end, and in which whoever can
act at last does, ends: resolved or escalated, with no transaction open and no lock held (`terminal_is_clean`).
"""

from __future__ import annotations

import z3

from ..language import Property, Term
from ..sorts import AGENT, K, Phase, Role, literal, max_attempts, role_of
from ..state import PRIMED, TERM, after, attempts, depth, e, holder, left, n, phase, running, token, waiting
from ..transitions import TRANSITIONS, a, tok
from ..transitions.terms import owned, put_back
from .vocabulary import ACTING, APPROVED, RESTORED, TERMINAL, among, by_us, held, only

# Phases by how much is still to come; a later comparison decides only where all earlier ones are equal.
ORDER = (
    (Phase.RESOLVED, Phase.ESCALATED),
    (Phase.RETRY,),
    (Phase.UNDO,),
    (Phase.COMMIT,),
    (Phase.VALIDATION,),
    (Phase.MITIGATION,),
    (Phase.DIAGNOSIS,),
    (Phase.DETECTION,),
)


def place(current: Term) -> Term:
    """The phase's place in ORDER; idle comes first, so its place is the highest."""
    place = z3.IntVal(len(ORDER))
    for number, phases in reversed(list(enumerate(ORDER))):
        place = z3.If(among(current, *phases), z3.IntVal(number), place)
    return place


def count(condition: Term) -> Term:
    """1 while the condition holds."""
    return z3.If(condition, z3.IntVal(1), z3.IntVal(0))


RANK = (
    max_attempts - attempts,
    place(phase),
    count(z3.Not(held)),
    K - n,
    count(running),
    left,
    count(waiting),
    depth,
    count(z3.And(owned, z3.Not(put_back))),
)
LATER = tuple(z3.substitute(term, *[(TERM[name], PRIMED[name]) for name in TERM]) for term in RANK)
same_rank = z3.And([later == now_ for later, now_ in zip(LATER, RANK, strict=True)])


def lower(later: tuple[Term, ...], earlier: tuple[Term, ...]) -> Term:
    """Lexicographic order on ranks."""
    if not later:
        return z3.BoolVal(False)
    return z3.Or(later[0] < earlier[0], z3.And(later[0] == earlier[0], lower(later[1:], earlier[1:])))


def able(name: str, agent: Term = holder) -> Term:
    """The transition is possible now, taken by this agent with the latest token."""
    [transition] = [t for t in TRANSITIONS if t.name == name]
    return z3.substitute(z3.And(list(transition.guards.values())), (a, agent), (tok, token))


detector, diagnoser, undoer = z3.Consts("detector diagnoser undoer", AGENT)
CREW = z3.And(
    role_of(detector) == literal(Role.DETECTOR),
    role_of(diagnoser) == literal(Role.DIAGNOSER),
    role_of(undoer) == literal(Role.UNDOER),
)
BY_HOLDER = ("begin", "commit", "restore", "pop", "skip", "abort")

TERMINATION = (
    Property(
        "rank_is_bounded",
        "invariant",
        "No component of the rank is negative.",
        z3.And([term >= 0 for term in RANK]),
        z3.And(K - n == 0, running),
        (*ACTING, "complete", "act"),
    ),
    Property(
        "rank_decreases",
        "step",
        "Every step of the machine, an agent or the server lowers the rank.",
        lower(LATER, RANK),
        z3.And(*[later == now_ for later, now_ in zip(LATER[:-1], RANK[:-1], strict=True)]),
        RESTORED,
        where=by_us,
    ),
    Property(
        "rank_is_kept",
        "step",
        "Time and the environment leave the rank alone.",
        same_rank,
        after(e) != e,
        (*APPROVED, "drift"),
        where=only("drift", "tick"),
    ),
    Property(
        "progress",
        "invariant",
        "Until the run has ended somebody can act: with one agent of each role there is no deadlock.",
        z3.Implies(
            CREW,
            z3.Or(
                among(phase, *TERMINAL),
                able("start"),
                able("localise", detector),
                able("give_up", diagnoser),
                able("reject"),
                able("take_over", undoer),
                able("escalate"),
                *[able(name) for name in BY_HOLDER],
            ),
        ),
        z3.And(CREW, phase == literal(Phase.COMMIT), z3.Not(held)),
        (*APPROVED, "expire"),
        over=(detector, diagnoser, undoer),
    ),
)
