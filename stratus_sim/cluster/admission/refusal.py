"""A controller's pod was refused: it says so, and tries again, each time after twice as long.

Follows the rate limiter of the controllers' work queues (client-go, `DefaultTypedControllerRateLimiter`: 5 ms, doubled,
at most 1,000 s). The delay begins anew where a controller had no cause to complain for as long as it last waited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster.admission.registry import Denied
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
    """How long a controller waits with an item, and until when."""

    delay_us: int = 0
    due_us: int = 0


def refuse(world: World, owner: Resource, pod: str, denied: Denied, item: Item) -> None:
    """Record that `owner` could not create a pod, and have `item` looked at again later."""
    emit(world, owner.key, FAILED, _said(owner, pod) + str(denied), warning=True)
    cluster = world.cluster
    last = cluster.refusals.get(item, Refused())
    if last.due_us > world.now_us:
        return
    again = last.delay_us and world.now_us <= last.due_us + last.delay_us
    delay_us = min(_LONGEST_US, 2 * last.delay_us) if again else _FIRST_US
    cluster.refusals = cluster.refusals.set(item, Refused(delay_us, world.now_us + delay_us))
    world.schedule(delay_us, "workload.available", *item)


def _said(owner: Resource, pod: str) -> str:
    if owner.key.kind == "StatefulSet":
        return f"create Pod {pod} in StatefulSet {owner.key.name} failed error: "
    return "Error creating: "
