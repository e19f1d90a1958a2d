"""THE machine: the state, the transitions, what they start from and what they assume."""

from __future__ import annotations

from dataclasses import replace

import z3

from .language import Axiom, Machine
from .sorts import (
    BOOL,
    CONFIGURATION,
    CONSTANTS,
    ENVIRONMENT,
    FUNCTIONS,
    SEVERITY,
    K,
    Phase,
    Role,
    leq,
    literal,
    max_attempts,
    max_steps,
    mu,
    nobody,
    role_of,
    window_us,
)
from .state import NOTHING_FAILED, NOTHING_OWNED, VARIABLES, c, sigma
from .transitions import FALSE, TRANSITIONS
from .transitions.terms import e2

s1, s2, s3 = z3.Consts("s1 s2 s3", SEVERITY)
AXIOMS = (
    Axiom("severity is reflexive", leq(s1, s1), (s1,)),
    Axiom("severity is transitive", z3.Implies(z3.And(leq(s1, s2), leq(s2, s3)), leq(s1, s3)), (s1, s2, s3)),
    Axiom("bounds are positive", z3.And(K > 0, max_steps > 0, window_us > 0, max_attempts > 0)),
    Axiom("nobody has no role", role_of(nobody) == literal(Role.BYSTANDER)),
)

MACHINE = Machine(
    name="stratus",
    variables=VARIABLES,
    constants=CONSTANTS,
    functions=FUNCTIONS,
    axioms=AXIOMS,
    init={
        "phase": literal(Phase.IDLE),
        "attempts": z3.IntVal(0),
        "failed": NOTHING_FAILED,
        "holder": nobody,
        "token": z3.IntVal(0),
        "sent": z3.IntVal(0),
        "waiting": FALSE,
        "open": FALSE,
        "n": z3.IntVal(0),
        "running": FALSE,
        "left": z3.IntVal(0),
        "depth": z3.IntVal(0),
        "first": NOTHING_OWNED,
        "sigma": c,
        "untouched": c,
    },
    transitions=TRANSITIONS,
)

QUIET = MACHINE.without_transitions("foreign", "drift")
"""The machine in a quiet environment, where the paper's lemma holds."""

# What the gate approximates: `robust` is a test of a commit in every environment that is expected.
expected = z3.Function("expected", ENVIRONMENT, BOOL)
robust = z3.Function("robust", CONFIGURATION, CONFIGURATION, BOOL)
calm = z3.Const("calm", ENVIRONMENT)
any_e, c1, c2 = z3.Const("any_e", ENVIRONMENT), z3.Const("c1", CONFIGURATION), z3.Const("c2", CONFIGURATION)
ROBUST_AXIOMS = (
    Axiom("the first environment is expected", expected(calm)),
    Axiom(
        "the robust test covers every expected environment",
        z3.Implies(z3.And(robust(c1, c2), expected(any_e)), leq(mu(c1, any_e), mu(c2, any_e))),
        (c1, c2, any_e),
    ),
)


def _robust(machine: Machine) -> Machine:
    approve, drift = machine.transition["approve"], machine.transition["drift"]
    stricter = {
        "approve": replace(approve, guards={**approve.guards, "robust": robust(c, sigma)}),
        "drift": replace(drift, guards={**drift.guards, "expected": expected(e2)}),
    }
    return replace(
        machine,
        constants=(*machine.constants, calm),
        functions=(*machine.functions, expected, robust),
        axioms=(*machine.axioms, *ROBUST_AXIOMS),
        init={**machine.init, "e": calm},
        transitions=tuple(stricter.get(t.name, t) for t in machine.transitions if t.name != "foreign"),
    )


ROBUST = _robust(MACHINE)
"""The machine where every commit is tested in all environments that will be met, and nobody else writes."""

SETTINGS = {"quiet": QUIET, "robust": ROBUST}
