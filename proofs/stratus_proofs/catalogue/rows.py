"""What holds of one verb on one kind: it touches what it may, undo restores it, and its class is the right one."""

from __future__ import annotations

import z3

from stratus_spec import Reversibility
from stratus_spec.catalogue import VERB, Footprint, Row, Scope, guarded
from stratus_spec.catalogue.losses import Facet
from stratus_spec.language import Term

from .question import NOTHING, PATH, Question, covers, objects, undone

_EVERYTHING = "**"


def region(row: Row, path: Term) -> Term:
    """Whether an update may write a path: it is in the verb's footprint and not guarded. `fields.refusal` is this."""
    return z3.And(covers(VERB[row.verb].writes, path), *(z3.Not(covers(w.fields, path)) for w in guarded(row.kind)))


def questions(row: Row) -> tuple[Question, ...]:
    """Everything to be shown of a row."""
    return (*_walls(row), _restores(row), *_class(row))


def is_general(writes: Footprint) -> bool:
    """Whether a verb could touch any field: then only the check before it runs keeps it off what is guarded."""
    return _EVERYTHING in writes.patterns


def _walls(row: Row) -> tuple[Question, ...]:
    """A verb with a footprint of its own never touches what is guarded."""
    verb, p = VERB[row.verb], z3.Const("p", PATH)
    if verb.scope is not Scope.UPDATE or is_general(verb.writes):
        return ()
    return tuple(
        Question(
            f"keeps_off:{wall.name}", f"{row.verb} writes nothing that {wall.why}",
            (covers(verb.writes, p), covers(wall.fields, p)),
        )
        for wall in guarded(row.kind)
        if wall.fields.patterns
    )  # fmt: skip


def _restores(row: Row) -> Question:
    """Field by field, for any object and any values written."""
    before, after = _change(row)
    p = z3.Const("p", PATH)
    return Question("restores", "undo restores the configuration", (undone(before, after)[p] != before[p],))


def _change(row: Row) -> tuple[Term, Term]:
    """(before, after) of the object, as the verb's scope has it."""
    before, wanted = objects("before wanted")
    changes: dict[Scope, tuple[Term, Term]] = {
        Scope.UPDATE: (before, _updated(row, before, wanted)),
        Scope.CREATE: (NOTHING, wanted),
        Scope.DELETE: (before, NOTHING),
        Scope.APPLY: (before, wanted),
        Scope.ENVIRONMENT: (before, before),
    }
    return changes[VERB[row.verb].scope]


def _updated(row: Row, before: Term, wanted: Term) -> Term:
    path = z3.Const("path", PATH)
    return z3.Lambda([path], z3.If(region(row, path), wanted[path], before[path]))


def _class(row: Row) -> tuple[Question, ...]:
    return {
        Reversibility.REVERSIBLE: _reversible,
        Reversibility.COMPENSABLE: _compensable,
        Reversibility.IRREVERSIBLE: _irreversible,
    }[row.classification.reversibility](row)


class _System:
    """A system beside the configuration: a stamp the server counts, what stands, and data.

    What stands goes on standing until the action takes it; what does not stand comes up again where it `could` and
    its controller is not `held` up. So both systems, the untouched one and the undone one, settle in that.
    """

    def __init__(self, row: Row, name: str = "") -> None:
        facets = {loss.facet for loss in row.loses}
        data = z3.DeclareSort("Data")
        run = z3.Function("run", data, data)
        self.stamp, self.clock = z3.Ints(f"stamp{name} clock{name}")
        self.stood, kept, self.could = z3.Bools(f"stood{name} kept{name} could")
        self.data = z3.Const(f"data{name}", data)
        self.stamp_after = self.clock if Facet.STAMP in facets else self.stamp
        self.stands = z3.And(self.stood, kept) if facets & {Facet.STANDING, Facet.HELD} else self.stood
        self.held = z3.Bool(f"held{name}") if Facet.HELD in facets else z3.BoolVal(False)
        self.data_after = run(self.data) if Facet.DATA in facets else self.data
        self.counted = self.stamp < self.clock

    @property
    def worse(self) -> Term:
        """The undone system settles worse than the untouched one."""
        comes_up = z3.And(self.could, z3.Not(self.held))
        stands_less = z3.And(z3.Or(self.stood, self.could), z3.Not(z3.Or(self.stands, comes_up)))
        return z3.Or(stands_less, self.data_after != self.data)


def _reversible(row: Row) -> tuple[Question, ...]:
    system = _System(row)
    found = Question("settles", "after undo it settles as if untouched, unconditionally", (system.worse,))
    if not any(loss.facet is Facet.STAMP for loss in row.loses):
        return (found,)
    stamped = (system.counted, system.stamp_after == system.stamp)
    return found, Question("leaves_stamp", "what the server counts never comes back", stamped)


def _compensable(row: Row) -> tuple[Question, ...]:
    system = _System(row)
    condition = z3.Implies(system.stood, system.could)
    return (
        Question("settles", f"where `{row.condition}` holds, it settles as if untouched", (condition, system.worse)),
        Question("condition_needed", f"where `{row.condition}` fails, it may settle worse", (system.worse,), "sat"),
    )


def _irreversible(row: Row) -> tuple[Question, ...]:
    """No undo could be right, or no condition on the environment would make the undo there is right."""
    return _unknowable(row) if any(loss.facet is Facet.DATA for loss in row.loses) else _held_up(row)


def _held_up(row: Row) -> tuple[Question, ...]:
    system = _System(row)
    stuck = (system.stood, system.could, system.worse)
    return (Question("no_condition", "it may settle worse even where all that stood could stand again", stuck, "sat"),)


def _unknowable(row: Row) -> tuple[Question, ...]:
    """Two systems with equal configuration, so with equal journals, that the action makes equal: no undo tells them."""
    one, other = _System(row, "1"), _System(row, "2")
    alike = (one.stood == other.stood, one.stamp == other.stamp, one.clock == other.clock)
    confused = (*alike, one.data != other.data, one.data_after == other.data_after)
    return (Question("no_undo", "two systems become one, with equal journals: no undo exists", confused, "sat"),)
