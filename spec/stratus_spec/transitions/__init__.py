"""The transitions: what agents, the machine, the server and the environment may do, and when.

Source: STRATUS (arXiv 2506.02009), section 3 for the phases, the readers-writer lock (A1), faithful undo
(A2), the bound on actions (A3) and commit and abort. Fencing tokens, the time window, write requests that are
under way, crash recovery, attempt memory and foreign writes are ours.
"""

from .control import LOCK, OUTCOME, SEARCH
from .mitigation import DECISION, MITIGATION
from .terms import FALSE, a, f, i, may_run, t, tok, top, x
from .undo import UNDO
from .world import SERVER, WORLD

TRANSITIONS = (*SEARCH, *LOCK, *MITIGATION, *SERVER, *DECISION, *UNDO, *OUTCOME, *WORLD)

__all__ = ["FALSE", "TRANSITIONS", "a", "f", "i", "may_run", "t", "tok", "top", "x"]
