"""What behaviours remember, for those who change it from outside: a person at a server's console, a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.application import epochs
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World


def recall(world: World, workload: ObjectKey) -> Any:
    """What a workload's behaviour handed back last, None before its first epoch."""
    return world.traffic.memory.get(f"{workload.namespace}/{workload.name}")


def remember(world: World, workload: ObjectKey, memory: Any) -> None:
    """Have a workload's behaviour go on from `memory`, which must be of its own making and immutable."""
    world.traffic.memory = world.traffic.memory.set(f"{workload.namespace}/{workload.name}", memory)
    world.traffic.solved_at = -1
    epochs.touch(world)
