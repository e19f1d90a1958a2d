"""THE machine: the state, the transitions, what they start from and what they assume."""

from __future__ import annotations

import z3

from .language import Axiom, Machine
from .sorts import (
    CONSTANTS,
    FUNCTIONS,
    SEVERITY,
    K,
    Phase,
    Role,
    leq,
    literal,
    max_attempts,
    mu,
    nobody,
    role_of,
    window_us,
)
from .state import NOTHING_OWNED, VARIABLES, c, e
from .transitions import DECISION, FALSE, LOCK, MITIGATION, OUTCOME, SEARCH, UNDO, WORLD

s1, s2, s3 = z3.Consts("s1 s2 s3", SEVERITY)
AXIOMS = (
    Axiom("severity is reflexive", leq(s1, s1), (s1,)),
    Axiom("severity is transitive", z3.Implies(z3.And(leq(s1, s2), leq(s2, s3)), leq(s1, s3)), (s1, s2, s3)),
    Axiom("bounds are positive", z3.And(K > 0, window_us > 0, max_attempts > 0)),
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
        "holder": nobody,
        "token": z3.IntVal(0),
        "open": FALSE,
        "n": z3.IntVal(0),
        "running": FALSE,
        "depth": z3.IntVal(0),
        "first": NOTHING_OWNED,
        "sigma": c,
        "b": mu(c, e),
    },
    transitions=(*SEARCH, *LOCK, *MITIGATION, *DECISION, *UNDO, *OUTCOME, *WORLD),
)

QUIET_EXCLUDES = ("foreign", "drift")
"""What a quiet environment does not do."""

QUIET = MACHINE.without_transitions(*QUIET_EXCLUDES)
"""The machine in a quiet environment, where the paper's lemma holds."""
