"""What a policy is: something that is shown an observation and answers with what it wants done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from stratus_sim.cluster.actions import Action
from stratus_sim.errors import UserError
from stratus_sim.telemetry.observation import Observation


class Wait(NamedTuple):
    """Let time pass before the next look; `seconds` of simulated time, at most 600."""

    seconds: int


class Submit(NamedTuple):
    """The policy is done with this attempt: validate what it did, commit or undo. `reason` is for the report."""

    reason: str = ""


Step = Action | Wait | Submit
Answer = Step | Sequence[Step] | None
"""One step, several in order (at most 50), or None, which means Submit."""


class Policy(Protocol):
    """An agent's brain. It sees observations and never the world; the same seed must give the same answers."""

    def act(self, observation: Observation) -> Answer:
        """The next step or steps. Called again after they were carried out, until it submits."""


class Narrated(ABC):
    """A policy that says what goes on inside it, for the record. Subclass it: names alone do not count."""

    @abstractmethod
    def act(self, observation: Observation) -> Answer:
        """As of every policy."""

    @abstractmethod
    def notes(self) -> list[dict[str, Any]]:
        """What happened since the last call, as plain JSON, each with a `kind`."""


class Investigator(Narrated):
    """A policy that is asked in the phases before mitigation as well. Subclass it: names alone do not count."""

    @abstractmethod
    def detect(self, observation: Observation) -> bool | Wait:
        """Whether something is wrong."""

    @abstractmethod
    def diagnose(self, observation: Observation) -> str | Wait:
        """What is wrong; an empty answer gives up."""


class Unavailable(UserError):
    """What a policy needs is not there, such as the model behind it: no failure of the policy, but the run is over."""


PolicyFactory = Callable[[int], Policy]
"""Makes a fresh policy for one episode from a seed."""
