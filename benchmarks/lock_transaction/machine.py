"""The machine in our language, proved for every N and K, and its finite instances."""

from __future__ import annotations

import operator

import z3

from stratus_proofs.explicit.instance import Instance
from stratus_spec import Axiom, Machine, Phase, Property, Specification, Transition, Variable
from stratus_spec.language import Term
from stratus_spec.sorts import PHASE, literal

FIELD, AGENT, SEVERITY = (z3.DeclareSort(name) for name in ("Field", "Agent", "Severity"))
INT, BOOL = z3.IntSort(), z3.BoolSort()
FAULTS = z3.ArraySort(FIELD, BOOL)

VARIABLES = (
    Variable("phase", PHASE, "machine", "idle, or in a transaction: mitigation or undo"),
    Variable("holder", AGENT, "lock", "who holds the lock"),
    Variable("faults", FAULTS, "cluster", "what is broken"),
    Variable("checkpoint", FAULTS, "ghost", "what was broken when the transaction began"),
    Variable("depth", INT, "journal", "undo entries"),
    Variable("flipped", z3.ArraySort(INT, FIELD), "journal", "the fault entry i speaks of"),
    Variable("was", z3.ArraySort(INT, BOOL), "journal", "whether it was broken before"),
    Variable("first", z3.ArraySort(FIELD, INT), "ghost", "a fault's first entry, -1 without one"),
)
phase, holder, faults, checkpoint, depth, flipped, was, first = (v.term for v in VARIABLES)
after = {v.name: v.primed for v in VARIABLES}
K, nobody, nothing = z3.Int("K"), z3.Const("nobody", AGENT), z3.Const("nothing", FIELD)
mu, leq = z3.Function("mu", FAULTS, SEVERITY), z3.Function("leq", SEVERITY, SEVERITY, BOOL)
i = z3.Int("i")
a, f, g = z3.Const("a", AGENT), z3.Const("f", FIELD), z3.Const("g", FIELD)
s1, s2 = z3.Consts("s1 s2", SEVERITY)
top = depth - 1


def at(where: Phase) -> dict[str, Term]:
    """The guard that an agent holds the lock in a phase."""
    return {"holder": z3.And(holder == a, a != nobody), "phase": phase == literal(where)}


CLOSE = {"phase": literal(Phase.IDLE), "holder": nobody, "checkpoint": faults}
# Dropped entries are blanked, so that states differ only in what still matters.
EMPTY = {
    "depth": z3.IntVal(0),
    "flipped": z3.K(INT, nothing),
    "was": z3.K(INT, z3.BoolVal(False)),
    "first": z3.K(FIELD, z3.IntVal(-1)),
}
TRANSITIONS = (
    Transition(
        "acquire",
        "mitigator",
        "Take the lock.",
        (a,),
        {"free": holder == nobody, "somebody": a != nobody},
        {"holder": a},
    ),
    Transition("begin", "mitigator", "Checkpoint.", (a,), at(Phase.IDLE), {"phase": literal(Phase.MITIGATION)}),
    Transition(
        "flip",
        "mitigator",
        "Journal a fault and flip it.",
        (a, f),
        {**at(Phase.MITIGATION), "count": depth < K},
        {
            "faults": z3.Store(faults, f, z3.Not(faults[f])),
            "flipped": z3.Store(flipped, depth, f),
            "was": z3.Store(was, depth, faults[f]),
            "first": z3.If(first[f] < 0, z3.Store(first, f, depth), first),
            "depth": depth + 1,
        },
    ),
    Transition(
        "commit",
        "mitigator",
        "Keep the effect.",
        (a,),
        {**at(Phase.MITIGATION), "no_regression": leq(mu(faults), mu(checkpoint))},
        {**CLOSE, **EMPTY},
    ),
    Transition("reject", "mitigator", "Undo it all.", (a,), at(Phase.MITIGATION), {"phase": literal(Phase.UNDO)}),
    Transition(
        "undo",
        "undoer",
        "Restore the latest entry.",
        (a,),
        {**at(Phase.UNDO), "nonempty": depth > 0},
        {
            "faults": z3.Store(faults, flipped[top], was[top]),
            "flipped": z3.Store(flipped, top, nothing),
            "was": z3.Store(was, top, z3.BoolVal(False)),
            "first": z3.If(first[flipped[top]] == top, z3.Store(first, flipped[top], -1), first),
            "depth": top,
        },
    ),
    Transition("abort", "undoer", "Nothing is left.", (a,), {**at(Phase.UNDO), "empty": depth == 0}, CLOSE),
)

MACHINE = Machine(
    name="lock_transaction",
    variables=VARIABLES,
    constants=(K, nobody, nothing),
    functions=(mu, leq),
    axioms=(Axiom("severity is reflexive", leq(s1, s1), (s1,)), Axiom("there are actions", K > 0)),
    init={"phase": literal(Phase.IDLE), "holder": nobody, "checkpoint": faults, **EMPTY},
    transitions=TRANSITIONS,
)


def _invariant(name: str, statement: str, term: Term, premise: Term, over: tuple[Term, ...] = ()) -> Property:
    return Property(name, "invariant", statement, term, premise, ("acquire", "begin", "flip"), over)


closes = z3.And(phase != literal(Phase.IDLE), after["phase"] == literal(Phase.IDLE))
idle = phase == literal(Phase.IDLE)
PROPERTIES = (
    _invariant("lock_in_phase", "A transaction has a holder.", z3.Or(idle, holder != nobody), z3.Not(idle)),
    _invariant("bounded", "At most K flips.", z3.And(depth >= 0, depth <= K), depth == 1),
    _invariant(
        "clean", "Outside nothing is left.", z3.Implies(idle, z3.And(depth == 0, faults == checkpoint)), depth == 1
    ),
    _invariant(
        "owned_has_entry",
        "A flipped fault has its first entry.",
        z3.And(first[g] >= -1, first[g] < depth, z3.Implies(first[g] >= 0, flipped[first[g]] == g)),
        first[g] >= 0,
        (g,),
    ),
    _invariant(
        "entry_is_owned",
        "The fault of every entry was first flipped then or before.",
        z3.Implies(z3.And(i >= 0, i < depth), z3.And(first[flipped[i]] >= 0, first[flipped[i]] <= i)),
        z3.And(i >= 0, i < depth),
        (i,),
    ),
    _invariant(
        "faithful",
        "The first entry holds what was found.",
        z3.Implies(first[g] >= 0, was[first[g]] == checkpoint[g]),
        first[g] >= 0,
        (g,),
    ),
    _invariant(
        "untouched",
        "What was not flipped is as found.",
        z3.Implies(first[g] < 0, faults[g] == checkpoint[g]),
        first[g] >= 0,
        (g,),
    ),
    Property(
        "no_regression",
        "step",
        "At the end severity is no worse than at the beginning.",
        z3.Implies(closes, leq(mu(after["faults"]), mu(checkpoint))),
        closes,
        ("acquire", "begin", "flip", "commit"),
    ),
    Property(
        "exclusive",
        "step",
        "Only the holder changes anything.",
        z3.Implies(after["faults"] != faults, holder == a),
        after["faults"] != faults,
        ("acquire", "begin", "flip"),
    ),
)
SPECIFICATION = Specification(MACHINE, PROPERTIES)


def instance(faults_: int, flips: int) -> Instance:
    """N faults and K flips, one writer; severity counts faults, and every set of them is an initial one."""
    fields = tuple(f"field{i}" for i in range(faults_))
    return Instance(
        f"lock_transaction_{faults_}_{flips}",
        MACHINE,
        PROPERTIES,
        {"Field": fields, "Agent": ("nobody", "writer"), "Severity": tuple(f"{i:02}" for i in range(faults_ + 1))},
        {"mu": lambda broken: f"{sum(broken[field] for field in fields):02}", "leq": operator.le},
        {"K": flips, "nobody": "nobody", "nothing": fields[0]},
        integers=range(-1, flips + 1),
        indexes=range(-1, flips),
        anywhere=("faults",),
    )
