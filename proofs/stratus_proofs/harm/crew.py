"""An honest crew: in every state the step it would take next, if the machine lets it.

One agent of each role. A crew repairs what is broken by a plan of jobs, one in each transaction, undoes what was
rejected or interrupted, and answers to nobody else: a lock in the hands of a stranger is none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from stratus_spec import Phase, Role, State
from stratus_spec.properties.vocabulary import TERMINAL

NOBODY = ""
GONE: Final = ("absent", ())
"""The value of a field that is not there, as the cluster's configuration has it."""


class Call(NamedTuple):
    """A transition with its arguments."""

    transition: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.transition}({', '.join(str(value) or 'nobody' for value in self.params.values())})"


class Job(NamedTuple):
    """An action as the catalogue knows it, and the fields it writes with their new values."""

    verb: str
    kind: str
    writes: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        written = ", ".join(name if value == GONE else f"{name} to {value}" for name, value in self.writes)
        return f"{self.verb} {self.kind} {written}"


@dataclass(frozen=True)
class Crew:
    """`plan` is what it does in its first transaction, its second, and so on; the last job is what it then repeats.

    `role_of` tells the roles of all agents there are.
    """

    plan: tuple[Job, ...]
    role_of: Callable[[str], Role]

    def wishes(self, state: State, outsiders: Collection[str] = ()) -> Iterator[Call]:
        """The steps it would take now, best first. `outsiders` hold the lock, if they do, for themselves."""
        holder = NOBODY if state["holder"] in outsiders else state["holder"]
        if state["phase"] in TERMINAL:
            yield from _deliveries(state)
            return
        if state["holder"] == NOBODY and state["open"]:
            yield Call("take_over", {"a": Role.UNDOER.value})
        mine = {"a": holder, "tok": state["token"]}
        if state["running"] and holder != NOBODY and state["phase"] not in (Phase.VALIDATION, Phase.COMMIT):
            yield from _at_work(state, mine)
        yield from self._in_phase(state, mine)

    def _in_phase(self, state: State, mine: Mapping[str, Any]) -> Iterator[Call]:
        phase, held_by = state["phase"], self.role_of(mine["a"])
        if phase == Phase.IDLE:
            yield Call("start", {})
        elif phase == Phase.DETECTION:
            yield from (Call(name, {"a": Role.DETECTOR.value}) for name in ("all_clear", "localise"))
        elif phase == Phase.RETRY:
            yield from (Call(name, {}) for name in ("resolve", "again", "escalate"))
        elif phase == Phase.DIAGNOSIS and state["holder"] == NOBODY:
            yield Call("acquire", {"a": Role.MITIGATOR.value})
            yield Call("give_up", {"a": Role.DIAGNOSER.value})
        elif phase == Phase.VALIDATION:
            yield from (Call(name, {}) for name in ("approve", "reject"))
        elif phase == Phase.UNDO and held_by == Role.UNDOER:
            yield from (Call(name, mine) for name in ("restore", "pop", "skip", "abort"))
        elif held_by == Role.MITIGATOR:
            yield from self._mitigating(state, mine)

    def _mitigating(self, state: State, mine: Mapping[str, Any]) -> Iterator[Call]:
        if state["phase"] == Phase.DIAGNOSIS:
            yield Call("begin", mine)
        elif state["phase"] == Phase.COMMIT:
            yield from _deliveries(state)
            yield Call("commit", mine)
        elif state["phase"] == Phase.MITIGATION:
            for job in self.plan[min(state["attempts"], len(self.plan) - 1) :]:
                if any(state["c"][name] != value for name, value in job.writes):
                    yield Call("act", {**mine, "x": job})
            yield Call("submit", mine)
            yield Call("reject", {})


def _at_work(state: State, mine: Mapping[str, Any]) -> Iterator[Call]:
    """The action in flight: every field journaled, then written, then the action ended."""
    if state["waiting"]:
        yield Call("land", {"i": state["sent"] - 1})
        yield Call("refuse", {})
    for name, value in state["action"].writes:
        if state["c"][name] != value:
            yield (
                Call("journal", {**mine, "f": name})
                if state["first"][name] < 0
                else Call("send", {**mine, "f": name, "v": value})
            )
    yield Call("complete", mine)


def _deliveries(state: State) -> Iterator[Call]:
    """Requests under way arrive at last, also when their sender has gone."""
    for request in range(state["sent"]):
        if state["c"][state["sent_field"][request]] != state["sent_value"][request]:
            yield Call("land", {"i": request})
