"""Events in the order in which they are told: oldest first, and those of one instant as one leads to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.correlator import recent
from stratus_sim.cluster.objects import EventRecord

if TYPE_CHECKING:
    from stratus_sim.world import World

_TURNS = (
    "WaitForFirstConsumer", "ProvisioningSucceeded", "Preempted", "TaintManagerEviction", "Evicted", "Scheduled",
    "SuccessfulAttachVolume", "SandboxChanged", "Pulling", "Pulled", "Created", "Started", "Unhealthy",
    "FailedPostStartHook", "Killing",
)  # fmt: skip
"""The order of what a pod or a claim goes through."""


def chronicle(world: World) -> list[EventRecord]:
    """What happened, oldest first."""
    found = recent(world).values()
    return sorted(found, key=lambda e: (e.last_us, e.first_us, e.involved, *_turn(e), e.reason, e.message))


def _turn(event: EventRecord) -> tuple[int, bool]:
    """What comes first of what is told of an object at one instant; what went wrong before what that is called."""
    at = _TURNS.index(event.reason) if event.reason in _TURNS else len(_TURNS)
    return at, event.message.startswith("Error: ")
