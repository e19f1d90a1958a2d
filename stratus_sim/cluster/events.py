"""Kubernetes Events: repeated ones are counted, not repeated (Event v1, `count`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster.objects import EventRecord, ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World


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
    old = world.events[mark]
    if old is None:
        kind, first_us = "Warning" if warning else "Normal", now_us if since_us is None else since_us
        record = EventRecord(involved, kind, reason, message, times, first_us, now_us)
    else:
        record = EventRecord(involved, old.type, reason, message, old.count + times, old.first_us, now_us)
    world.events[mark] = record


def repeat(world: World, involved: ObjectKey, reason: str, message: str, times: int, last_us: int) -> None:
    """Record that something that was recorded has happened so many times more since, the last time at `last_us`."""
    mark = (involved, reason, message)
    old = world.events[mark]
    if old is not None:
        count, last_us = old.count + times, max(old.last_us, last_us)
        world.events[mark] = msgspec.structs.replace(old, count=count, last_us=last_us)
