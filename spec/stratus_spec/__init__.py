"""What must hold: the executable specification of transactional no-regression."""

from .catalogue import CONDITIONS, Classification, classify
from .compile import to_python
from .errors import MachineError, SpecViolation, UnsupportedTermError
from .interpreter import Interpreter, State
from .language import ANY, Axiom, Machine, Property, Transition, Variable
from .machine import MACHINE, QUIET, ROBUST, SETTINGS
from .properties import PROPERTIES, RANK, UNCLAIMED
from .sorts import ENUMS, Phase, Reversibility, Role
from .specification import Specification
from .total_map import TotalMap

SPECIFICATION = Specification(MACHINE, PROPERTIES, SETTINGS)
"""THE specification: what is proved, executed, explored and tested."""

__all__ = [
    "ANY",
    "CONDITIONS",
    "ENUMS",
    "MACHINE",
    "PROPERTIES",
    "QUIET",
    "RANK",
    "ROBUST",
    "SETTINGS",
    "SPECIFICATION",
    "UNCLAIMED",
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
    "Specification",
    "State",
    "TotalMap",
    "Transition",
    "UnsupportedTermError",
    "Variable",
    "classify",
    "to_python",
]
