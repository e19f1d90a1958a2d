"""Plays examples with a prompt and judges them. One that fails is a bad mark, never the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stratus_agents.models import Model
from stratus_agents.prompts import Prompt, Prompts
from stratus_agents.rivals import DRIVEN, Driven
from stratus_agents.training.metric import Marks, mark
from stratus_agents.training.splits import Example, stage
from stratus_sim.telemetry.severity import HEALTHY
from stratus_sim.testing.episode import Episode
from stratus_sim.testing.policy import Unavailable
from stratus_sim.testing.trial import Setup, run_trial

_FAILED = Marks(0.0, False, HEALTHY, HEALTHY, 0, 0, "")


class Played(NamedTuple):
    """What came of one example; without an episode, `error` says why there is none."""

    example: Example
    marks: Marks
    episode: Episode | None = None
    error: str = ""


class Player:
    """Plays one agent's part with any prompt; the other agents keep theirs. The same twice is played once."""

    def __init__(self, model_name: str, model: Model, prompts: Prompts, attempts: int = 3) -> None:
        """`attempts` an episode has at most; fewer cost less, and only what a prompt gets right at once counts."""
        self._name, self._model, self.prompts, self._attempts = model_name, model, prompts, attempts
        self._known: dict[tuple[Prompt, Example], Played] = {}

    def play(self, prompt: Prompt, example: Example) -> Played:
        """Play an example.

        Raises:
            Unavailable: the model is gone, which no other prompt would mend.
        """
        key = (prompt, example)
        if key not in self._known:
            self._known[key] = self._play(prompt, example)
        return self._known[key]

    def _play(self, prompt: Prompt, example: Example) -> Played:
        try:
            driven = self._driven(prompt)
            outcome = run_trial(Setup(stage(example.application), driven, driven.limits), example.scenario, driven.mode)
            return Played(example, mark(outcome.episode), outcome.episode)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # one bad example must not cost hours of training
            return Played(example, _FAILED, error=f"{type(error).__name__}: {error}")

    def _driven(self, prompt: Prompt) -> Driven:
        role = prompt.head.role
        kind = DRIVEN["react" if role == "react" else "stratus"]
        return Driven(
            kind._replace(attempts=min(self._attempts, kind.attempts)),
            self._name,
            self._model,
            {**self.prompts, role: prompt},
        )


Watch = Callable[[Played], None]
"""Told of every example that was played."""
