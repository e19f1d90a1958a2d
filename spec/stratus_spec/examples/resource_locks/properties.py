"""What holds of many transactions at once, and what does not."""

from __future__ import annotations

import z3

from stratus_spec.language import Property, Term
from stratus_spec.sorts import FIELD, leq, literal, mu, nobody

from .machine import OPEN, a, f, tok, x
from .state import (
    NOTHING,
    RESOURCE,
    TERM,
    TRANSACTION,
    Stage,
    after,
    before,
    c,
    decided,
    decider,
    e,
    lock,
    mine,
    none,
    owner,
    resource_of,
    sigma,
    stage,
    todo,
    token,
    touched,
    trial,
    untouched,
    worker,
)

g, h, p = z3.Const("g", FIELD), z3.Const("h", FIELD), z3.Const("p", RESOURCE)
y, z = z3.Consts("y z", TRANSACTION)

LOCKED = ("begin", "acquire")
WRITTEN = (*LOCKED, "journal", "write")
DECIDED = (*WRITTEN, "decide", "rewind")
APPROVED = (*DECIDED, "approve")
COMMITTED = (*APPROVED, "commit")
UNDOING = (*WRITTEN, "reject", "take_over")
UNDONE = (*UNDOING, "restore")
TWO = (*WRITTEN, "begin", "acquire", "journal", "write")


def among(term: Term, *stages: Stage) -> Term:
    """`term` is one of the stages."""
    return z3.Or([term == literal(s) for s in stages])


def changed(*names: str) -> Term:
    """Some of these variables changed."""
    return z3.Or([after(TERM[name]) != TERM[name] for name in names])


EDGES = (
    (Stage.UNUSED, (Stage.WORKING,)),
    (Stage.WORKING, (Stage.DECIDING, Stage.UNDOING)),
    (Stage.DECIDING, (Stage.WORKING, Stage.APPROVED, Stage.UNDOING)),
    (Stage.APPROVED, (Stage.WORKING, Stage.CLOSED, Stage.UNDOING)),
    (Stage.UNDOING, (Stage.CLOSED,)),
)

OWNERSHIP = (
    Property(
        "stage_order",
        "step",
        "Stages follow each other; a transaction that has ended stays ended.",
        z3.Or(
            after(stage)[y] == stage[y],
            *[z3.And(stage[y] == literal(s), among(after(stage)[y], *next_)) for s, next_ in EDGES],
        ),
        z3.And(stage[y] == literal(Stage.APPROVED), after(stage)[y] == literal(Stage.WORKING)),
        (*APPROVED, "foreign"),
        over=(y,),
    ),
    Property(
        "nothing_belongs_to_none",
        "invariant",
        "The free mark is no transaction: it is never begun.",
        stage[none] == literal(Stage.UNUSED),
        stage[y] == literal(Stage.WORKING),
        LOCKED,
        over=(y,),
    ),
    Property(
        "owner_holds_resource",
        "invariant",
        "Who has an undo entry for a field holds the lock of its resource, and is open.",
        z3.Implies(mine[y][g], z3.And(owner(g) == y, among(stage[y], *OPEN))),
        mine[y][g],
        WRITTEN,
        over=(y, g),
    ),
    Property(
        "locks_of_begun",
        "invariant",
        "Only a transaction that has begun holds a lock.",
        z3.Implies(lock[p] != none, stage[lock[p]] != literal(Stage.UNUSED)),
        lock[p] != none,
        LOCKED,
        over=(p,),
    ),
    Property(
        "exclusive_resources",
        "invariant",
        "Two transactions never both have undo entries for fields of one resource.",
        z3.Implies(z3.And(mine[y][h], mine[z][g], resource_of(h) == resource_of(g)), y == z),
        z3.And(mine[y][h], mine[z][g], y != z),
        TWO,
        over=(y, z, h, g),
    ),
    Property(
        "worker_acts",
        "step",
        "Whoever acts for a transaction is its worker, with the latest token (A1).",
        z3.And(worker[x] == a, token[x] == tok, a != nobody),
        token[x] == 2,
        UNDONE,
        where=lambda t: "tok" in t.param_names,
    ),
    Property(
        "exclusive_writer",
        "step",
        "An agent writes only fields of resources that its transaction holds (A1).",
        z3.Implies(after(c)[g] != c[g], owner(g) == x),
        after(c)[g] != c[g],
        WRITTEN,
        over=(g,),
        where=lambda t: t.name in ("write", "restore"),
    ),
    Property(
        "only_writers_write",
        "step",
        "No other step of ours changes the configuration.",
        z3.Not(changed("c")),
        stage[y] == literal(Stage.WORKING),
        LOCKED,
        over=(y,),
        where=lambda t: t.actor != "environment" and t.name not in ("write", "restore"),
    ),
    Property(
        "locks_are_kept",
        "step",
        "A transaction locks free resources while it works, and frees them when it has ended (two-phase locking).",
        z3.Implies(
            after(lock)[p] != lock[p],
            z3.Or(
                z3.And(lock[p] == none, stage[after(lock)[p]] == literal(Stage.WORKING)),
                z3.And(after(lock)[p] == none, stage[lock[p]] == literal(Stage.CLOSED)),
            ),
        ),
        z3.And(lock[p] != none, after(lock)[p] == none),
        (*UNDONE, "abort", "release"),
        over=(p,),
    ),
    Property(
        "unused_has_no_worker",
        "invariant",
        "Nobody works for a transaction that has not begun.",
        z3.Implies(stage[y] == literal(Stage.UNUSED), worker[y] == nobody),
        z3.And(stage[y] == literal(Stage.UNUSED), stage[z] == literal(Stage.WORKING)),
        LOCKED,
        over=(y, z),
    ),
    Property(
        "grant_is_fresh",
        "step",
        "A transaction gets a worker when it has none, and then a greater token.",
        z3.And(
            after(token)[y] >= token[y],
            z3.Implies(
                z3.Or(after(token)[y] != token[y], z3.And(after(worker)[y] != worker[y], after(worker)[y] != nobody)),
                z3.And(worker[y] == nobody, after(worker)[y] != nobody, after(token)[y] > token[y]),
            ),
        ),
        z3.And(token[y] == 1, after(token)[y] == 2),
        UNDOING,
        over=(y,),
    ),
)

FAITHFUL = (
    Property(
        "entry_is_faithful",
        "invariant",
        "The before-image of a field is what the field would be without any open transaction (A2).",
        z3.Implies(mine[y][g], before[g] == sigma[g]),
        z3.And(mine[y][g], c[g] != sigma[g]),
        WRITTEN,
        over=(y, g),
    ),
    Property(
        "write_ahead",
        "invariant",
        "A field without undo entry is as it would be without any open transaction.",
        z3.Implies(z3.Not(mine[owner(g)][g]), c[g] == sigma[g]),
        z3.And(z3.Not(mine[owner(g)][g]), c != sigma),
        WRITTEN,
        over=(g,),
    ),
    Property(
        "touched_covers",
        "invariant",
        "The twin looks at every field that has an undo entry.",
        z3.Implies(mine[y][g], touched[g]),
        mine[y][g],
        WRITTEN,
        over=(y, g),
    ),
    Property(
        "foreign_is_kept",
        "step",
        "A foreign write takes effect with and without transactions, and no transaction owns the field any more.",
        z3.And(after(c)[f] == after(sigma)[f], z3.Not(after(mine)[y][f])),
        mine[y][f],
        (*WRITTEN, "foreign"),
        over=(y,),
        where=lambda t: t.name == "foreign",
    ),
)

DECISION = (
    Property(
        "one_decision_at_a_time",
        "invariant",
        "The transaction in the decision slot is the only one that decides.",
        z3.And(
            z3.Implies(among(stage[y], Stage.DECIDING, Stage.APPROVED), decider == y),
            z3.Implies(decider != none, among(stage[decider], Stage.DECIDING, Stage.APPROVED)),
        ),
        z3.And(decider == y, stage[z] == literal(Stage.WORKING)),
        (*TWO, "decide"),
        over=(y, z),
    ),
    Property(
        "twin_is_right",
        "invariant",
        "Where the twin has looked it has this transaction's writes and nobody else's.",
        z3.Implies(z3.And(decider != none, z3.Not(todo[g])), trial[g] == z3.If(mine[decider][g], c[g], sigma[g])),
        z3.And(decider != none, z3.Not(todo[g]), trial[g] != c[g], touched[g]),
        (*TWO, "decide", "rewind"),
        over=(g,),
    ),
    Property(
        "twin_finishes",
        "step",
        "The twin changes only while a transaction decides, and looks at each field once: a decision ends.",
        z3.And(stage[decider] == literal(Stage.DECIDING), todo[f], after(todo) == z3.Store(todo, f, z3.BoolVal(False))),
        z3.And(mine[owner(f)][f], owner(f) != decider),
        (*TWO, "decide", "rewind"),
        where=lambda t: t.name == "rewind",
    ),
    Property(
        "approved_no_regression",
        "invariant",
        "Once decided to commit, the twin is complete, and no worse than the configuration without the transaction.",
        z3.Implies(
            stage[decider] == literal(Stage.APPROVED),
            z3.And(todo == NOTHING, leq(mu(trial, decided), mu(sigma, decided))),
        ),
        z3.And(stage[decider] == literal(Stage.APPROVED), z3.Not(leq(mu(sigma, decided), mu(trial, decided)))),
        APPROVED,
    ),
    Property(
        "commit_tnr",
        "step",
        "TNR at commit: with this transaction severity is no worse than without, in the environment of the decision, "
        "both without the transactions still open.",
        leq(mu(after(sigma), decided), mu(sigma, decided)),
        z3.And(after(sigma) != sigma, decided != e),
        (*APPROVED, "drift", "commit"),
        where=lambda t: t.name == "commit",
    ),
    Property(
        "commit_adds_one",
        "step",
        "A commit adds this transaction's writes to what is kept, and no other's.",
        after(sigma)[g] == z3.If(mine[x][g], c[g], sigma[g]),
        z3.And(mine[x][g], c[g] != sigma[g]),
        COMMITTED,
        over=(g,),
        where=lambda t: t.name == "commit",
    ),
    Property(
        "abort_tnr",
        "step",
        "TNR at abort: on its resources the configuration is what it would be without the transaction.",
        z3.Implies(owner(g) == x, after(c)[g] == sigma[g]),
        z3.And(owner(g) == x, touched[g]),
        (*UNDONE, "abort"),
        over=(g,),
        where=lambda t: t.name == "abort",
    ),
    Property(
        "others_are_left_alone",
        "step",
        "No step for one transaction changes another's worker, undo entries or stage.",
        z3.Implies(
            y != x,
            z3.And(after(worker)[y] == worker[y], after(mine)[y] == mine[y], after(stage)[y] == stage[y]),
        ),
        z3.And(y != x, mine[y][g]),
        (*TWO, "decide"),
        over=(y, g),
        where=lambda t: "x" in t.param_names,
    ),
    Property(
        "free_is_untouched",
        "invariant",
        "A resource nobody holds is as if no transaction were open.",
        z3.Implies(owner(g) == none, c[g] == sigma[g]),
        z3.And(owner(g) == none, touched[g]),
        (*UNDONE, "abort", "release"),
        over=(g,),
    ),
    Property(
        "quiet_decision",
        "invariant",
        "Quiet: the environment of a decision is still the environment.",
        z3.Implies(stage[decider] == literal(Stage.APPROVED), decided == e),
        stage[decider] == literal(Stage.APPROVED),
        APPROVED,
        setting="quiet",
    ),
    Property(
        "quiet_bound",
        "invariant",
        "Quiet: without the open transactions severity never exceeds the first, however many have committed.",
        leq(mu(sigma, e), mu(untouched, e)),
        z3.Not(leq(mu(untouched, e), mu(sigma, e))),
        COMMITTED,
        setting="quiet",
    ),
)

PROPERTIES = (*OWNERSHIP, *FAITHFUL, *DECISION)

UNCLAIMED = (
    Property(
        "live_no_regression",
        "step",
        "TNR at commit of the live configuration, which holds the writes of transactions still open.",
        leq(mu(after(c), decided), mu(sigma, decided)),
        c != sigma,
        COMMITTED,
        where=lambda t: t.name == "commit",
    ),
)
"""What does not hold: a decision says nothing of what the others have not decided yet."""
