"""A transaction backward: entries are put back latest first, and what others wrote is left alone."""

from __future__ import annotations

import z3

from ..language import Transition
from ..sorts import Phase
from ..state import attempt, c, depth, entry_before, entry_field, failed, first
from .terms import CLOSE, HOLDS, TRUE, a, at, bump, owned, put_back, to, tok, top

# `restore` and `pop` need no guard on depth: without entries no field is owned (the proofs show it).
UNDO = (
    Transition(
        "restore",
        "undoer",
        "Write the latest entry's before-image. The entry stays: a crash here is undone again.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "owned": owned, "differs": z3.Not(put_back)},
        {"c": z3.Store(c, entry_field[top], entry_before[top]), **bump(entry_field[top])},
    ),
    Transition(
        "pop",
        "undoer",
        "Drop the latest entry: its field holds the before-image again.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "owned": owned, "restored": put_back},
        {"first": z3.If(first[entry_field[top]] == top, z3.Store(first, entry_field[top], -1), first), "depth": top},
    ),
    Transition(
        "skip",
        "undoer",
        "Leave a field alone that somebody else wrote since, and drop the entry: a conflict to report.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "nonempty": depth > 0, "disowned": z3.Not(owned)},
        {"depth": top, "conflict": TRUE},
    ),
    Transition(
        "abort",
        "undoer",
        "Close the transaction: nothing of it is left but the memory that it failed.",
        (a, tok),
        {**at(Phase.UNDO), **HOLDS, "empty": depth == 0},
        {**to(Phase.RETRY), **CLOSE, "failed": z3.Store(failed, attempt, TRUE)},
    ),
)
