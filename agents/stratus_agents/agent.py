"""One loop for every agent: ask the model, use the tools it calls, tell it what came of them, until it is done."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from stratus_agents.models import Call, Model, Reply, Request, Told, Turn
from stratus_agents.prompts import Prompt
from stratus_agents.tools import Finished, Misuse, quoted, use
from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Wait

MAX_CALLS = 8
"""Tool calls of one reply that are looked at."""
_WRITE_FIRST = "not run: what you wrote before comes first; ask again"


class Budget(NamedTuple):
    """What one episode may cost: replies of the model, tokens, seconds of waiting for it."""

    replies: int = 100
    tokens: int = 400_000
    seconds: int = 600


BUDGET = Budget()


class Session:
    """What the agents of one episode share: the model, what it may still cost, and notes on what happened."""

    def __init__(self, model: Model, seed: int, budget: Budget) -> None:
        self._model, self._seed, self._budget = model, seed, budget
        self._replies, self._tokens, self._elapsed_ms = 0, 0, 0
        self._notes: list[dict[str, Any]] = []

    def exhausted(self) -> str:
        """Which part of the budget is used up; empty while none is."""
        spent = (self._replies, self._tokens, self._elapsed_ms // 1000)
        parts = zip(Budget._fields, spent, self._budget, strict=True)
        return next((f"the budget of {limit} {name} is used up" for name, used, limit in parts if used >= limit), "")

    def reply(self, prompt: Prompt, turns: list[Turn]) -> Reply:
        """The model's next turn, noted and paid for."""
        role = prompt.head.role
        found = self._model.reply(Request(role, prompt.body, turns, tuple(prompt.offered.values()), self._seed))
        self._replies += 1
        self._tokens += found.tokens
        self._elapsed_ms += found.elapsed_ms
        self.note("model.reply", agent=role, reply=msgspec.to_builtins(found))
        return found

    def note(self, kind: str, **data: Any) -> None:
        self._notes.append({"kind": kind, **data})

    def take(self) -> list[dict[str, Any]]:
        """The notes since the last call."""
        notes, self._notes = self._notes, []
        return notes


class Turned(NamedTuple):
    """What a turn ends with: steps for the runtime, and whether the agent is done."""

    steps: tuple[Action | Wait, ...]
    finished: Finished | None = None


class Agent:
    """One agent at work on one task. What it reads is answered here; what it writes is for the runtime to do."""

    def __init__(self, prompt: Prompt, session: Session, task: str, heard: int = 0) -> None:
        """`heard` is how much of the observation's feedback is older than the task."""
        self._prompt, self._session, self._heard = prompt, session, heard
        self._turns: list[Turn] = [Told(task)]
        self._pending: list[tuple[Call, Action | Wait]] = []
        self._asked: dict[tuple[str, str, int], int] = {}
        self._replies = 0

    def turn(self, seen: Observation) -> Turned:
        """Go on until the runtime has something to do, or the agent is done or has used up its limits."""
        self._hear(seen)
        while True:
            limit = self._limit()
            if limit:
                self._session.note("agent.end", agent=self._prompt.head.role, reason=limit)
                return Turned((), Finished({}))
            reply = self._session.reply(self._prompt, self._turns)
            self._turns.append(reply)
            self._replies += 1
            turned = self._answer(reply, seen)
            if turned.steps or turned.finished:
                return turned

    def _limit(self) -> str:
        limit = self._prompt.head.limits.replies
        return self._session.exhausted() or (f"the limit of {limit} replies" if self._replies >= limit else "")

    def _hear(self, seen: Observation) -> None:
        """Tell the model what became of the steps it is waiting for."""
        told = iter(seen.feedback[self._heard :])
        for call, step in self._pending:
            text = f"{step.seconds} s have passed" if isinstance(step, Wait) else next(told, "not carried out")
            self._tell(call, text, "done" if isinstance(step, Wait) else text.partition(":")[0])
        self._pending, self._heard = [], len(seen.feedback)

    def _answer(self, reply: Reply, seen: Observation) -> Turned:
        if not reply.calls:
            why = "your answer was cut off" if reply.truncated else "that was no tool call"
            self._note("", "", "malformed", why)
            self._turns.append(Told(f"{why}: answer with one call of {', '.join(self._prompt.offered)}"))
        finished = None
        for number, call in enumerate(reply.calls):
            finished = self._use(call, seen, number) or finished
        return Turned(tuple(step for _, step in self._pending), finished)

    def _use(self, call: Call, seen: Observation, number: int) -> Finished | None:
        """Use one tool. An answer is told at once; a step waits for the runtime."""
        try:
            self._check(call, seen, number)
            result = use(call.name, call.arguments, self._prompt.offered, seen)
        except Misuse as misuse:
            self._tell(call, str(misuse), misuse.kind)
            return None
        if isinstance(result, Action | Wait):
            self._pending.append((call, result))
        elif isinstance(result, Finished):
            self._tell(call, "noted", "done")
            return result
        else:
            self._tell(call, _WRITE_FIRST if self._pending else result, "done")
        return None

    def _check(self, call: Call, seen: Observation, number: int) -> None:
        if number >= MAX_CALLS:
            raise Misuse("endless", f"only {MAX_CALLS} calls of one answer are run")
        key = (call.name, call.arguments, seen.now_s)
        self._asked[key] = self._asked.get(key, 0) + 1
        if self._asked[key] > 1:
            raise Misuse("repeated", "you asked exactly this a moment ago: do something else, wait, or be done")

    def _tell(self, call: Call, text: str, verdict: str) -> None:
        shown = quoted(call.name, text, self._prompt.head.limits.result_chars)
        self._turns.append(Told(shown, call.id))
        self._note(call.name, call.arguments, verdict, text)

    def _note(self, tool: str, arguments: str, verdict: str, told: str) -> None:
        told = told[: self._prompt.head.limits.result_chars]
        role = self._prompt.head.role
        self._session.note("agent.call", agent=role, tool=tool, arguments=arguments, verdict=verdict, told=told)
