"""What a runbook concludes: a cause, and the few actions that would mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stratus_agents.policies.scene import Json, Scene, name, namespace, revision
from stratus_sim.cluster.actions import Action


@dataclass(frozen=True)
class Hypothesis:
    """`cause` in words; without `actions` the cause is known and nobody here can mend it."""

    cause: str
    actions: tuple[Action, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.cause, *map(str, self.actions)])


Rule = Callable[[Scene], Iterator[Hypothesis]]
"""One row of the runbook: from a symptom to what may be behind it, most likely first."""


def write(verb: str, body: Json, /, **arguments: Any) -> Action:
    """An action on the object `body` shows."""
    return Action(verb, f"{body['kind'].lower()}/{name(body)}", arguments, namespace(body))


def undo(
    scene: Scene, deployment: Json, part: Callable[[Json], Any], sound: Callable[[Json], bool] = lambda _: True
) -> Action | None:
    """Back to the newest revision that has run, is `sound`, and differs in the suspected `part` of the template.

    The revision is named: a plain undo means "the one before", which is the broken one as soon as somebody else
    has already gone back.
    """
    now, template = revision(deployment), deployment["spec"]["template"]
    earlier = scene.observation.history(name(deployment), namespace(deployment))
    fitting = [
        entry["revision"]
        for entry in earlier
        if str(entry["revision"]) != now
        and part(entry["template"]) != part(template)
        and sound(entry["template"])
        and scene.has_run(deployment, entry["replicaSet"])
    ]
    return write("rollout-undo", deployment, revision=fitting[-1]) if fitting else None
