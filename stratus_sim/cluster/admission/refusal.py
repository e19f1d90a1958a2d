"""A controller's pod was refused: it says so, and tries again, each time after twice as long.

Follows the rate limiter of the controllers' work queues (client-go, `DefaultTypedControllerRateLimiter`: 5 ms, doubled,
at most 1,000 s). The delay begins anew where a controller had no cause to complain for as long as it last waited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World

FAILED = "FailedCreate"
"""The reason of the events that say so."""

_FIRST_US, _LONGEST_US = 5_000, 1_000_000_000
Item = tuple[str, Any]
"""A work queue and an item on it."""


class Refused(NamedTuple):
    """How long a controller waits with an item, until when, what it was told, and since when it has been told such."""

    delay_us: int = 0
    due_us: int = 0
    told: str = ""
    since_us: int = 0


def refuse(world: World, owner: Resource, said: str, told: str, item: Item) -> None:
    """Record that the controller of `owner` could not create something, and have `item` looked at again later.

    `told` is what it was told, `said` what it says then.
    """
    emit(world, owner.key, FAILED, said + told, warning=True)
    cluster = world.cluster
    last = cluster.refusals.get(item, Refused())
    if last.due_us > world.now_us:
        return
    again = last.delay_us and world.now_us <= last.due_us + last.delay_us
    delay_us = min(_LONGEST_US, 2 * last.delay_us) if again else _FIRST_US
    since_us = last.since_us if again else world.now_us
    cluster.refusals = cluster.refusals.set(item, Refused(delay_us, world.now_us + delay_us, told, since_us))
    world.schedule(delay_us, "workload.available", *item)


def failure(world: World, item: Item) -> Refused | None:
    """What a controller was last told with an item it has to come back to; None when there is nothing of the kind."""
    found = world.cluster.refusals.get(item)
    return found if found is not None and found.due_us >= world.now_us else None
