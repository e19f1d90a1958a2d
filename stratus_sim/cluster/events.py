"""Kubernetes Events: repeated ones are counted, not repeated (Event v1, `count`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World


class EventRecord(msgspec.Struct, frozen=True, gc=False):
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
    mark, now_us = (involved, reason, message), world.now_us
    old = world.events.now.get(mark)
    if old is None:
        record = EventRecord(involved, "Warning" if warning else "Normal", reason, message, 1, now_us, now_us)
    else:
        record = EventRecord(involved, old.type, reason, message, old.count + 1, old.first_us, now_us)
    world.events.set(mark, record)
