"""What must hold: the executable specification of transactional no-regression."""

from .actions import CONDITIONS, Classification, classify
from .compile import to_python
from .errors import MachineError, SpecViolation, UnsupportedTermError
from .interpreter import Interpreter, State
from .language import Axiom, Machine, Property, Transition, Variable
from .machine import MACHINE, QUIET, QUIET_EXCLUDES
from .properties import INVARIANTS, PROPERTIES, STEPS
from .sorts import ENUMS, Phase, Reversibility, Role
from .total_map import TotalMap

__all__ = [
    "CONDITIONS",
    "ENUMS",
    "INVARIANTS",
    "MACHINE",
    "PROPERTIES",
    "QUIET",
    "QUIET_EXCLUDES",
    "STEPS",
    "Axiom",
    "Classification",
    "Interpreter",
    "Machine",
    "MachineError",
    "Phase",
    "Property",
    "Reversibility",
    "Role",
    "SpecViolation",
    "State",
    "TotalMap",
    "Transition",
    "UnsupportedTermError",
    "Variable",
    "classify",
    "to_python",
]
