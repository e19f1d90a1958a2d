"""Everything the specification claims, in one place."""

from .invariants import INVARIANTS
from .steps import STEPS

PROPERTIES = (*INVARIANTS, *STEPS)

__all__ = ["INVARIANTS", "PROPERTIES", "STEPS"]
