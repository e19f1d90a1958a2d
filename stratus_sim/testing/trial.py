"""One scenario, both questions: what the policy does on its own, and whether TNR holds under the runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from stratus_sim.testing.episode import Episode, Limits, play
from stratus_sim.testing.execution import Execution, Unprotected
from stratus_sim.testing.policy import PolicyFactory
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Stage
from stratus_sim.world import World

Mode = Literal["own", "protected"]


class Setup(NamedTuple):
    """Everything a trial needs beside the scenario. `protect` makes the runtime; tests pass broken ones.

    `noise` says whether scenarios drawn for it have background noise.
    """

    stage: Stage
    factory: PolicyFactory
    limits: Limits = Limits()
    protect: Callable[[World, Scenario], Execution] = Protected
    noise: bool = False


class Outcome(NamedTuple):
    """What one trial found: `problem` is empty when nothing broke."""

    scenario: Scenario
    mode: Mode
    episode: Episode

    @property
    def problem(self) -> str:
        """The broken clause; else, for a policy on its own, its failure to behave."""
        broken = self.episode.broken
        if broken is not None:
            return broken.decision.finding.clause
        return f"the policy {self.episode.failure}" if self.mode == "own" and self.episode.failure else ""


def run_trial(setup: Setup, scenario: Scenario, mode: Mode, *, watch: bool = False) -> Outcome:
    """Play a scenario once.

    Raises:
        UserError: the scenario's fault or target does not exist on this stage.
    """
    world = setup.stage.world(scenario)

    def execute(played: World) -> Execution:
        return Unprotected(played) if mode == "own" else setup.protect(played, scenario)

    episode = play(world, setup.factory, scenario.seed, execute, setup.limits, only=scenario.actions, watch=watch)
    return Outcome(scenario, mode, episode)
