"""What a policy is: something that is shown an observation and answers with what it wants done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.observation import Observation


class Wait(NamedTuple):
    """Let time pass before the next look; `seconds` of simulated time, at most 600."""

    seconds: int


class Submit(NamedTuple):
    """The policy is done with this attempt: validate what it did, commit or undo. `reason` is for the report."""

    reason: str = ""


Step = Action | Wait | Submit
Answer = Step | Sequence[Step] | None
"""One step, several in order, or None, which means Submit."""


class Policy(Protocol):
    """An agent's brain. It sees observations and never the world; the same seed must give the same answers."""

    def act(self, observation: Observation) -> Answer:
        """The next step or steps. Called again after they were carried out, until it submits."""


PolicyFactory = Callable[[int], Policy]
"""Makes a fresh policy for one episode from a seed."""
