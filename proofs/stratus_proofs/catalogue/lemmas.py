"""What holds of every action, whatever it writes: the schema of journal and undo, and why it has to be this one.

Unbounded: objects have any number of fields, an action any number of writes, a composite any number of parts.
"""

from __future__ import annotations

import z3

from stratus_spec.language import Term

from .question import ABSENT, OBJECT, PATH, VALUE, Question, objects, recorded, restored, undone

_INT = z3.IntSort()


def lemmas() -> tuple[Question, ...]:
    """All of them, in the order the argument goes."""
    return (*_schema(), *_stack(), *_admission(), *_necessity(), *_references())


def _schema() -> tuple[Question, ...]:
    c0, c1 = objects("c0 c1")
    p, done = z3.Const("p", PATH), z3.Array("done", PATH, z3.BoolSort())
    partly = z3.If(done[p], c1[p], c0[p])
    return (
        Question("undo_restores", "undo puts back every field, whatever was written", (undone(c0, c1)[p] != c0[p],)),
        Question(
            "added_removed", "a field the action added is gone after undo",
            (c0[p] == ABSENT, c1[p] != ABSENT, undone(c0, c1)[p] != ABSENT),
        ),
        Question(
            "partly_done", "undo restores also when only some of the writes were performed",
            (restored(c0[p], c1[p], partly) != c0[p],),
        ),
        Question(
            "idempotent", "undo done twice, as after a crash in the middle, is undo done once",
            (restored(c0[p], c1[p], undone(c0, c1)[p]) != undone(c0, c1)[p],),
        ),
        Question(
            "same_fields", "undo writes the fields the action wrote and no others: what admitted the action admits it",
            (z3.Xor(recorded(c0[p], c1[p]), recorded(c1[p], undone(c0, c1)[p])),),
        ),
        _ordering(c0, c1),
    )  # fmt: skip


def _ordering(c0: Term, c1: Term) -> Question:
    """A keyed list is the field with the order of its names, and a field for each part of each item."""
    name, part = z3.DeclareSort("Name"), z3.DeclareSort("Part")
    order = z3.Function("order", VALUE, z3.ArraySort(_INT, name))
    place = z3.Function("place", name, part, PATH)
    marks, i, q = z3.Const("order_path", PATH), z3.Int("i"), z3.Const("q", part)

    def read(found: Term) -> Term:
        return found[place(order(found[marks])[i], q)]

    back = undone(c0, c1)
    return Question("ordering", "each position of a keyed list holds the item it held", (read(back) != read(c0),))


def _stack() -> tuple[Question, ...]:
    """Induction over the undo entries, as `unwind(k, c)`: undo entries k-1 .. 0, latest first, from c.

    `unwind(0, c) = c` and `unwind(k + 1, c) = unwind(k, Store(c, field[k], before[k]))`.
    """
    c0, c = objects("c0 c")
    unwind = z3.Function("unwind", _INT, OBJECT, OBJECT)
    field, before = z3.Array("field", _INT, PATH), z3.Array("before", _INT, VALUE)
    k, v, now = z3.Int("k"), z3.Const("v", VALUE), z3.Const("now", OBJECT)
    empty = unwind(0, c) == c
    pop = unwind(k + 1, now) == unwind(k, z3.Store(now, field[k], before[k]))
    pushed = before[k] == c[field[k]]
    hypothesis = unwind(k, c) == c0
    return (
        Question("stack_empty", "with no entries undo changes nothing", (empty, c == c0, unwind(0, c) != c0)),
        Question(
            "stack_push", "one more write, its before-image on the stack: undo still ends where the stack began",
            (k >= 0, hypothesis, pushed, pop, now == z3.Store(c, field[k], v), unwind(k + 1, now) != c0),
        ),
        Question(
            "stack_ahead", "an entry whose write never happened does no harm",
            (k >= 0, hypothesis, pushed, pop, now == c, unwind(k + 1, now) != c0),
        ),
        Question(
            "composite", "undo of a composite is the undo of its parts, latest first",
            (*_two_parts(unwind, field, before, k), z3.Not(unwind(2, z3.Const("c2", OBJECT)) == c0)),
        ),
    )  # fmt: skip


def _two_parts(unwind: z3.FuncDeclRef, field: Term, before: Term, _k: Term) -> tuple[Term, ...]:
    """One part wrote at entry 0, another at entry 1; undoing the second, then the first."""
    c0, c1, c2 = objects("c0 c1 c2")
    v0, v1 = z3.Consts("v0 v1", VALUE)
    return (
        c1 == z3.Store(c0, field[0], v0), before[0] == c0[field[0]],
        c2 == z3.Store(c1, field[1], v1), before[1] == c1[field[1]],
        unwind(2, c2) == unwind(1, z3.Store(c2, field[1], before[1])),
        unwind(1, c1) == unwind(0, z3.Store(c1, field[0], before[0])),
        unwind(0, c0) == c0,
    )  # fmt: skip


def _admission() -> tuple[Question, ...]:
    """Undo is a write like any other: the API server has to let it in."""
    c0, c1 = objects("c0 c1")
    p, rank = z3.Const("p", PATH), z3.Function("rank", VALUE, _INT)
    back = undone(c0, c1)
    return (
        Question(
            "immutable_kept", "where the action left a field alone, undo does: immutable fields do not stop it",
            (c0[p] == c1[p], back[p] != c1[p]),
        ),
        Question(
            "one_way_stops", "a field that may only rise, once raised, is not set back: hence no verb may touch one",
            (rank(c1[p]) >= rank(c0[p]), z3.Not(rank(back[p]) >= rank(c1[p]))), "sat",
        ),
    )  # fmt: skip


def _necessity() -> tuple[Question, ...]:
    """Each is satisfiable: a case in which a simpler undo would be wrong."""
    c0, d0 = objects("c0 d0")
    p, q = z3.Consts("p q", PATH)
    v, w, null = z3.Consts("v w null", VALUE)
    forward = z3.Store(z3.Store(z3.Store(z3.Store(c0, p, v), p, w), p, c0[p]), p, v)
    return (
        Question(
            "not_injective", "two objects one and the same write makes equal: no inverse command can tell which it was",
            (c0 != d0, z3.Store(c0, p, v) == z3.Store(d0, p, v), v != ABSENT), "sat",
        ),
        Question(
            "null_is_no_absence", "an absent field put back as null is not absent: entries must know absence",
            (c0[p] == ABSENT, null != ABSENT, z3.Store(z3.Store(c0, p, v), p, null)[p] != c0[p]), "sat",
        ),
        Question(
            "order_matters", "a field written twice, undone oldest entry first, ends with the value in between",
            (forward[p] != c0[p], v != ABSENT, w != v), "sat",
        ),
        Question(
            "frame_needed", "a write nobody journaled survives undo: hence the entries, before the action runs",
            (p != q, z3.Store(z3.Store(z3.Store(c0, p, v), q, w), p, c0[p])[q] != c0[q]), "sat",
        ),
    )  # fmt: skip


def _references() -> tuple[Question, ...]:
    """Owner references name a uid. The server gives each uid once: the counter is above all that were given."""
    uid, again, clock, reference = z3.Ints("uid again clock reference")
    given = (uid < clock, again >= clock)
    return (
        Question("new_uid", "an object deleted and created again has another uid", (*given, again == uid)),
        Question(
            "dependents_lost", "what names the old one as its owner is collected: deletion of an owner is not undone",
            (*given, reference == uid, reference == again),
        ),
        Question(
            "own_references_kept", "an object's own references are fields: they come back, to owners nobody touched",
            (*given, reference != uid, reference < uid, reference == again),
        ),
    )  # fmt: skip
