"""Kubernetes Events: repeated ones are counted, not repeated (Event v1, `count`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World


class EventRecord(msgspec.Struct, frozen=True):
    """An Event as `kubectl get events` lists it; times in microseconds since the world began."""

    involved: ObjectKey
    type: str
    reason: str
    message: str
    count: int
    first_us: int
    last_us: int


def emit(world: World, involved: ObjectKey, reason: str, message: str, *, warning: bool = False) -> None:
    """Record that something happened to an object."""
    events, mark = world.cluster.events, (involved, reason, message)
    old = events.get(mark)
    record = EventRecord(
        involved=involved,
        type="Warning" if warning else "Normal",
        reason=reason,
        message=message,
        count=old.count + 1 if old else 1,
        first_us=old.first_us if old else world.now_us,
        last_us=world.now_us,
    )
    world.cluster.events = events.set(mark, record)
