"""Faithful undo (A2): the journal, and writes that others make meanwhile."""

from __future__ import annotations

import z3

from ..language import Property
from ..sorts import Phase, literal
from ..state import (
    after,
    c,
    checkpoint,
    conflict,
    depth,
    entry_before,
    entry_field,
    first,
    open_,
    phase,
    running,
    sigma,
    version,
)
from ..transitions import f, top
from ..transitions.terms import owned, put_back
from .vocabulary import COMMITTED, JOURNAL, JOURNALED, RESTORED, WRITTEN, among, by_us, changed, g, k, only

FAITHFUL = (
    Property(
        "journal_depth",
        "invariant",
        "The journal has no negative depth, and is empty when no transaction is open.",
        z3.And(depth >= 0, z3.Implies(z3.Not(open_), depth == 0)),
        z3.And(depth == 2, open_),
        (*JOURNALED, "journal"),
    ),
    Property(
        "owned_has_entry",
        "invariant",
        "A field the transaction owns has its first entry in the journal.",
        z3.And(first[g] >= -1, first[g] < depth, z3.Implies(first[g] >= 0, entry_field[first[g]] == g)),
        first[g] >= 0,
        JOURNALED,
        over=(g,),
    ),
    Property(
        "entry_is_faithful",
        "invariant",
        "The first entry of an owned field holds what the field would be without the transaction (A2).",
        z3.Implies(first[g] >= 0, entry_before[first[g]] == sigma[g]),
        z3.And(first[g] >= 0, c[g] != sigma[g]),
        WRITTEN,
        over=(g,),
    ),
    Property(
        "write_ahead",
        "invariant",
        "A field the transaction does not own is as it would be without the transaction.",
        z3.Implies(first[g] < 0, c[g] == sigma[g]),
        z3.And(first[g] < 0, c != sigma),
        WRITTEN,
        over=(g,),
    ),
    Property(
        "nothing_outside",
        "invariant",
        "Outside a transaction nothing of one is left.",
        z3.Implies(z3.Not(open_), c == sigma),
        z3.And(z3.Not(open_), c != checkpoint),
        COMMITTED,
    ),
    Property(
        "writes_in_phase",
        "step",
        "Configuration and journal are changed by an action in mitigation, or in undo.",
        z3.Implies(z3.Or(after(c) != c, after(depth) > depth), z3.Or(running, phase == literal(Phase.UNDO))),
        z3.And(after(c) != c, phase == literal(Phase.UNDO)),
        RESTORED,
        where=by_us,
    ),
    Property(
        "stack_discipline",
        "step",
        "The journal is a stack: entries come and go on top; they go only in undo, or all together at commit.",
        z3.And(
            after(depth) <= depth + 1,
            z3.Implies(after(depth) < depth, among(phase, Phase.UNDO, Phase.COMMIT)),
            z3.Implies(phase != literal(Phase.COMMIT), after(depth) >= depth - 1),
            z3.Implies(
                z3.And(k >= 0, k < depth, k < after(depth)),
                z3.And(after(entry_field)[k] == entry_field[k], after(entry_before)[k] == entry_before[k]),
            ),
        ),
        z3.And(after(depth) < depth, depth == 2, k == 0),
        (*JOURNALED, "journal", "reject", "take_over", "pop"),
        over=(k,),
    ),
    Property(
        "owned_writes_only",
        "step",
        "A field is changed only after its before-image is in the journal, and never over a foreign write.",
        z3.Implies(after(c)[g] != c[g], first[g] >= 0),
        after(c)[g] != c[g],
        WRITTEN,
        over=(g,),
        where=by_us,
    ),
    Property(
        "foreign_is_kept",
        "step",
        "A foreign write takes effect with and without the transaction, and disowns the field.",
        z3.And(after(c)[f] == after(sigma)[f], after(first)[f] == -1),
        first[f] >= 0,
        (*WRITTEN, "foreign"),
        where=only("foreign"),
    ),
    Property(
        "versions_count",
        "step",
        "Whoever writes a field raises its version.",
        z3.And(
            after(version)[g] >= version[g],
            z3.Implies(after(c)[g] != c[g], after(version)[g] > version[g]),
        ),
        after(c)[g] != c[g],
        WRITTEN,
        over=(g,),
    ),
    Property(
        "restore_is_idempotent",
        "step",
        "Putting a before-image back changes that field alone, and leaves nothing to put back a second time.",
        z3.And(
            after(c)[entry_field[top]] == entry_before[top],
            z3.Implies(g != entry_field[top], after(c)[g] == c[g]),
            z3.Not(changed("sigma", *JOURNAL)),
        ),
        after(c)[g] != c[g],
        RESTORED,
        over=(g,),
        where=only("restore"),
    ),
    Property(
        "crash_keeps",
        "step",
        "A crash loses nothing undo needs, wherever it falls.",
        z3.And(
            z3.Not(changed("c", "sigma", "version", "open", "token", "attempt", *JOURNAL)),
            after(phase) == literal(Phase.UNDO),
        ),
        z3.And(phase == literal(Phase.UNDO), c != sigma, depth == 2),
        (*WRITTEN, "journal", "reject", "take_over", "crash"),
        where=only("crash"),
    ),
    Property(
        "conflict_is_recorded",
        "step",
        "An entry that undo drops was put back, or is on record as a conflict.",
        z3.Implies(
            z3.And(phase == literal(Phase.UNDO), after(depth) < depth),
            z3.Or(z3.And(owned, put_back), after(conflict)),
        ),
        z3.And(after(conflict), z3.Not(conflict)),
        (*WRITTEN, "foreign", "reject", "take_over", "skip"),
    ),
)
