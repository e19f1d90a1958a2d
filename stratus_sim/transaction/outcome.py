"""What becomes of actions and transactions, as their caller is told."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from stratus_sim.telemetry.severity import Severity
from stratus_sim.transaction.records import Write


class Outcome(NamedTuple):
    """What became of an action: performed, or refused for a reason."""

    performed: bool
    reason: str = ""


class Verdict(StrEnum):
    """How a transaction ended. FENCED: it is no longer ours; whoever took the lock over ends it."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    FENCED = "fenced"


class Decision(NamedTuple):
    """The end of a transaction. `live` and `shadow` are what the decision rests on, None when nothing was measured.

    `kept` are the fields undo left alone because somebody else wrote them: before-image, and what is there now.
    """

    verdict: Verdict
    reason: str
    live: Severity | None = None
    shadow: Severity | None = None
    kept: tuple[Write, ...] = ()
