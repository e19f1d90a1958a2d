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


def emit(
    world: World,
    involved: ObjectKey,
    reason: str,
    message: str,
    *,
    warning: bool = False,
    times: int = 1,
    since_us: int | None = None,
) -> None:
    """Record that something happened to an object: now, or so many `times` from `since_us` until now."""
    mark, now_us = (involved, reason, message), world.now_us
    old = world.events.now.get(mark)
    if old is None:
        kind, first_us = "Warning" if warning else "Normal", now_us if since_us is None else since_us
        record = EventRecord(involved, kind, reason, message, times, first_us, now_us)
    else:
        record = EventRecord(involved, old.type, reason, message, old.count + times, old.first_us, now_us)
    world.events.set(mark, record)
