"""The crew: detection, diagnosis, mitigation and undo agents. Who of them acts is for the state machine to say."""

from __future__ import annotations

from typing import Any

from stratus_agents.agent import BUDGET, Agent, Budget, Session, Turned
from stratus_agents.models import Model
from stratus_agents.prompts import Prompts, Role
from stratus_agents.tools import Finished, quoted
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Answer, Investigator, Narrated, Submit, Wait

_FEEDBACK_CHARS = 4000


class Crew(Investigator):
    """A policy with one agent per phase; each starts with a clean conversation and is told what the others found.

    Undoing is the runtime's, from the journal; the undo agent only says what there is to learn from it.
    """

    def __init__(self, model: Model, prompts: Prompts, seed: int, budget: Budget = BUDGET) -> None:
        self._session, self._prompts = Session(model, seed, budget), prompts
        self._at_work: dict[Role, Agent] = {}
        self._lessons: list[str] = []
        self._cause, self._told, self._attempt = "", 0, 0

    def detect(self, observation: Observation) -> bool | Wait:
        """Whether something is wrong. In doubt there is: looking closer harms nobody."""
        turned = self._turn("detection", observation)
        return _waits(turned) or bool(_result(turned, "problem", True))

    def diagnose(self, observation: Observation) -> str | Wait:
        """The cause, empty when none was found. After a failed attempt the undo agent speaks first."""
        if len(observation.feedback) > self._told:
            lesson = self._turn("undo", observation)
            self._lessons.append(str(_result(lesson, "summary", "")))
            self._told = len(observation.feedback)
        turned = self._turn("diagnosis", observation)
        wait = _waits(turned)
        if not wait:
            self._cause = str(_result(turned, "summary", ""))
        return wait or self._cause

    def act(self, observation: Observation) -> Answer:
        """The mitigation agent's next steps."""
        if observation.attempt != self._attempt:
            self._at_work.pop("mitigation", None)  # its conversation was about a transaction that is over
            self._attempt, self._told = observation.attempt, len(observation.feedback)
        turned = self._turn("mitigation", observation)
        done = [Submit(str(turned.finished.arguments.get("summary", "out of budget")))] if turned.finished else []
        return [*turned.steps, *done]

    def notes(self) -> list[dict[str, Any]]:
        """What the agents did since the last call: replies of the model, calls and what they were told."""
        return self._session.take()

    def _turn(self, role: Role, seen: Observation) -> Turned:
        """Let an agent go on; it is at work until it is done."""
        if role not in self._at_work:
            task = self._task(role, seen)
            self._at_work[role] = Agent(self._prompts[role], self._session, task, len(seen.feedback))
        turned = self._at_work[role].turn(seen)
        if turned.finished:
            del self._at_work[role]
        return turned

    def _task(self, role: Role, seen: Observation) -> str:
        parts = [f"It is {seen.now}. Namespaces of the application: {', '.join(seen.namespaces)}."]
        if role in ("diagnosis", "mitigation"):
            parts.append(f"This is attempt {seen.attempt}.")
        if role == "mitigation":
            parts.append("Diagnosis:\n" + quoted("diagnosis", self._cause, _FEEDBACK_CHARS))
        if role != "detection" and seen.feedback:
            parts.append("What was done so far, and what became of it:\n" + _history(seen))
        if role != "undo" and any(self._lessons):
            parts.append("Lessons:\n" + quoted("undo agent", "\n".join(filter(None, self._lessons)), _FEEDBACK_CHARS))
        return "\n\n".join(parts)


class Alone(Narrated):
    """One agent with all tools and one conversation: a ReAct loop (Yao et al. 2023), to compare a crew with."""

    def __init__(self, model: Model, prompts: Prompts, seed: int, budget: Budget = BUDGET) -> None:
        self._session, self._prompt = Session(model, seed, budget), prompts["react"]
        self._agent: Agent | None = None

    def act(self, observation: Observation) -> Answer:
        """The agent's next steps; an attempt that follows another goes on in the same conversation."""
        if self._agent is None:
            task = f"It is {observation.now}. Namespaces of the application: {', '.join(observation.namespaces)}."
            self._agent = Agent(self._prompt, self._session, task, len(observation.feedback))
        turned = self._agent.turn(observation)
        done = [Submit(str(turned.finished.arguments.get("summary", "out of budget")))] if turned.finished else []
        return [*turned.steps, *done]

    def notes(self) -> list[dict[str, Any]]:
        """As of a crew."""
        return self._session.take()


def _waits(turned: Turned) -> Wait | None:
    return next((step for step in turned.steps if isinstance(step, Wait)), None) if not turned.finished else None


def _result(turned: Turned, name: str, otherwise: Any) -> Any:
    finished = turned.finished or Finished({})
    return finished.arguments.get(name, otherwise)


def _history(seen: Observation) -> str:
    return quoted("runtime", "\n".join(seen.feedback), _FEEDBACK_CHARS)
