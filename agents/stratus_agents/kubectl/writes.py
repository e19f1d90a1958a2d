"""From a parsed line to the action it stands for: the writes the transaction runtime knows, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus_agents.kubectl import objects, workloads
from stratus_agents.kubectl.line import Command, Refused
from stratus_sim.cluster.actions import Action

READ_VERBS = ("get", "describe", "logs", "events", "top", "rollout-status", "rollout-history")
ACTIONS: Mapping[str, Callable[[Command, str], Action]] = {**workloads.ACTIONS, **objects.ACTIONS}
"""By verb: what a line and the manifest beside it stand for."""
_OTHERWISE = {
    "edit": "there is no editor: use kubectl patch",
    "exec": "nobody knows what a command does, so it cannot be undone: use logs, describe and the other tools",
}


def writes(command: Command) -> bool:
    """Whether a line would change something: every verb that is not known to read counts as writing."""
    return command.verb not in READ_VERBS


def as_action(command: Command, manifest: str = "") -> Action:
    """The action a line stands for; `manifest` is the text that `-f -` would read.

    Raises:
        Refused: the runtime has no such action, or the line is not complete.
    """
    make = ACTIONS.get(command.verb)
    if make is None:
        available = ", ".join(verb.replace("-", " ") for verb in (*READ_VERBS, *ACTIONS))
        raise Refused(f"kubectl {command.verb} is not available: {_OTHERWISE.get(command.verb, f'use {available}')}")
    if command.namespace is None:
        raise Refused(f"kubectl {command.verb}: name one namespace with -n, not -A")
    return make(command, manifest)
