"""What must hold: the executable specification of transactional no-regression."""

from .compile import to_python
from .errors import MachineError, SpecViolation, UnsupportedTermError
from .interpreter import Interpreter, State
from .language import Axiom, Machine, Property, Transition, Variable
from .machine import MACHINE, QUIET
from .properties import INVARIANTS, PROPERTIES, STEPS
from .sorts import ENUMS, Phase, Reversibility, Role
from .total_map import TotalMap

__all__ = [
    "ENUMS",
    "INVARIANTS",
    "MACHINE",
    "PROPERTIES",
    "QUIET",
    "STEPS",
    "Axiom",
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
    "to_python",
]
