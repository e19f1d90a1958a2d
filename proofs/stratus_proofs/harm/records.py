"""The incident's record as an auditor reads it: who decided what, under which claim to the lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stratus_spec import MACHINE, Role

from .crew import NOBODY


@dataclass(frozen=True)
class Record:
    """One decision in the audit log: who took which step, claiming which token, and who held the Lease."""

    time_us: int
    writer: str
    step: str
    phase: str
    token: str
    lease: str

    def trespasses(self, role_of: Callable[[str], Role]) -> bool:
        """Whether the step was another role's, or needs a Lease that its writer did not hold, or one that was free."""
        if self.writer == "machine":
            return False
        holder, _, _token = self.lease.partition(" ")
        transition = MACHINE.transition[self.step]
        wrong_holder = "tok" in transition.param_names and f"{self.writer} {self.token}" != self.lease
        stolen = "token" in transition.updates and holder != NOBODY
        return wrong_holder or stolen or role_of(self.writer) != transition.actor

    def __str__(self) -> str:
        claim = f" with token {self.token}" if self.token else ""
        holder, _, token = self.lease.partition(" ")
        held = f"{holder} with token {token}" if holder else "nobody"
        return f"{self.writer or 'nobody'} took {self.step}{claim} while the Lease named {held}"


def most_actions(records: list[Record]) -> int:
    """The most actions that were started in one transaction."""
    most = count = 0
    for record in records:
        count = 0 if record.step == "begin" else count + (record.step == "act")
        most = max(most, count)
    return most


def longest_undecided(records: list[Record], now_us: int) -> int:
    """The longest time from a beginning to its decision, in microseconds."""
    longest, began = 0, None
    for record in records:
        if record.step == "begin" and began is None:
            began = record.time_us
        elif record.step in ("approve", "reject", "take_over", "abort") and began is not None:
            longest, began = max(longest, record.time_us - began), None
    return max(longest, now_us - began) if began is not None else longest
