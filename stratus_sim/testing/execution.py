"""Two ways to carry out what a policy wants: on its own, or as transactions under the specification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from stratus_sim.application.behaviours import console
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action, InvalidAction, effects
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.testing.judge import Finding, Judge
from stratus_sim.world import World

SETTLE_US = 90 * SECOND_US
"""From the last action of an attempt to its verdict: longer than a roll-out and an alert's `for` together."""


PassTime = Callable[[int], None]
"""Lets so many microseconds of simulated time go by."""


class Decision(NamedTuple):
    """How an attempt ended: `kept` (nobody asked), `commit` or `abort`; `told` is what the policy hears of it."""

    kind: str
    told: str
    finding: Finding


class Execution(Protocol):
    """Carries out one policy's attempts on one world."""

    judge: Judge

    def all_clear(self) -> None:
        """The detector found nothing wrong."""

    def give_up(self) -> None:
        """The diagnoser found no cause."""

    def begin(self) -> None:
        """Start an attempt."""

    def act(self, action: Action) -> str:
        """Carry out an action or refuse it; what the policy is told."""

    def decide(self, pass_time: PassTime) -> Decision:
        """Let the attempt settle, time going by through `pass_time`, and decide on it."""

    def steps(self) -> list[dict[str, Any]]:
        """The journal records written since the last call, as plain JSON: what the state machine did."""


class Unprotected:
    """Every action happens, a command in a container too; nobody undoes anything. What a policy does *on its own*."""

    def __init__(self, world: World) -> None:
        self._world = world

    def all_clear(self) -> None:
        pass

    def give_up(self) -> None:
        pass

    def begin(self) -> None:
        self.judge = Judge(self._world)

    def act(self, action: Action) -> str:
        try:
            if action.verb == "exec":
                return self._run(action)
            for write in effects(self._world, action):
                if write.after is None:
                    api.delete(self._world, write.key, "agent:policy")
                else:
                    api.put(self._world, write.after, "agent:policy")
        except (InvalidAction, UserError) as error:
            return f"refused: {error}"
        return f"done: {action}"

    def _run(self, action: Action) -> str:
        answer = console.run(self._world, action.key, str(action.arguments.get("command", "")))
        return f"{'failed' if answer.code else 'done'}: {action}: {answer.text}"

    def decide(self, pass_time: PassTime) -> Decision:
        pass_time(SETTLE_US)
        finding = self.judge.attempt_alone()
        return Decision("kept", "nothing was validated, nothing undone", finding)

    def steps(self) -> list[dict[str, Any]]:
        return []
