"""Any number of mitigation agents at once, each with locks on the resources it writes (see README.md beside this)."""

from stratus_spec.specification import Specification

from .machine import MACHINE, QUIET
from .properties import PROPERTIES, UNCLAIMED

SPECIFICATION = Specification(MACHINE, PROPERTIES, {"quiet": QUIET})

__all__ = ["MACHINE", "PROPERTIES", "QUIET", "SPECIFICATION", "UNCLAIMED"]
