"""Names of the pods that controllers make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def free_pod_name(world: World, owner: ObjectKey, prefix: str = "") -> str:
    """`prefix-xxxxx`, `prefix` the owner's name unless given, as the API server completes `generateName`."""
    while True:
        number = world.draw(str(owner), "pod-name", 0, len(_SUFFIX) ** 5 - 1)
        suffix = "".join(_SUFFIX[number // len(_SUFFIX) ** place % len(_SUFFIX)] for place in range(5))
        name = f"{prefix or owner.name}-{suffix}"
        if world.store.get(ObjectKey("Pod", owner.namespace, name)) is None:
            return name
