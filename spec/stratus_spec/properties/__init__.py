"""Everything the specification claims, one module for each topic."""

from .bounds import BOUNDS
from .control import CONTROL
from .effects import EFFECTS
from .frames import FRAMES
from .journal import FAITHFUL
from .lock import LOCK
from .regression import REGRESSION, UNCLAIMED
from .termination import RANK, TERMINATION

PROPERTIES = (*CONTROL, *LOCK, *BOUNDS, *FAITHFUL, *REGRESSION, *TERMINATION, *EFFECTS, *FRAMES)

__all__ = ["PROPERTIES", "RANK", "UNCLAIMED"]
