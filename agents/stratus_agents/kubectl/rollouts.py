"""How far a roll-out is, and the revisions there were."""

from __future__ import annotations

from stratus_agents.kubectl.finding import found_one
from stratus_agents.kubectl.line import Command, Refused
from stratus_agents.kubectl.tables import table
from stratus_sim.telemetry.observation import Observation

_ROLLED_OUT = ("Deployment", "StatefulSet")


def status(command: Command, seen: Observation) -> str:
    """What kubectl waits for, in its order: new pods made, old ones gone, new ones available.

    Source: kubectl, `rollout status`. Raises Refused when the object is not there, or of a kind that is not rolled out.
    """
    command.expect()
    targets, _ = command.targets()
    body, key = found_one(command, seen, targets[0])
    if key.kind not in _ROLLED_OUT:
        raise Refused(f"kubectl rollout status: a {key.kind} is not rolled out: name one of {', '.join(_ROLLED_OUT)}")
    counts, wanted = body.get("status") or {}, body["spec"].get("replicas", 1)
    ready = counts.get("readyReplicas", 0)
    updated, there = counts.get("updatedReplicas", ready), counts.get("replicas", ready)
    waiting = (
        (updated < wanted, f"{updated} out of {wanted} new replicas have been updated"),
        (there > updated, f"{there - updated} old replicas are pending termination"),
        (ready < updated or ready < wanted, f"{ready} of {updated} updated replicas are available"),
    )
    left = next((text for waits, text in waiting if waits), "")
    name = f'{key.kind.lower()} "{key.name}"'
    return f"Waiting for {name} rollout to finish: {left}..." if left else f"{name} successfully rolled out"


def history(command: Command, seen: Observation) -> str:
    """The revisions of a Deployment, oldest first. Raises Refused when there is no such object."""
    command.expect()
    targets, _ = command.targets()
    _, key = found_one(command, seen, targets[0])
    rows = [
        [
            h["revision"],
            h["replicaSet"],
            h["replicas"],
            ",".join(c.get("image", "") for c in h["template"]["spec"]["containers"]),
        ]
        for h in seen.history(key.name, key.namespace)
    ]
    return table(("REVISION", "REPLICASET", "REPLICAS", "IMAGES"), rows)
