"""Names of the pods that controllers make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.generated import LONGEST_PREFIX, free_name
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

__all__ = ["LONGEST_PREFIX", "free_pod_name"]


def free_pod_name(world: World, owner: ObjectKey, prefix: str = "") -> str:
    """`prefix-xxxxx`, `prefix` the owner's name unless given, as the API server completes `generateName`."""
    return free_name(world, "Pod", owner, prefix)
