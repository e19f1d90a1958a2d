"""Names the API server completes (`generateName`): a prefix and five characters nobody confuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
LONGEST_PREFIX = 58
"""What the API server leaves of a `generateName`, dash included."""


def free_name(world: World, kind: str, owner: ObjectKey, prefix: str = "") -> str:
    """`prefix-xxxxx`, `prefix` the owner's name unless given, which no object of the kind beside the owner has."""
    while True:
        number = world.draw(str(owner), f"{kind.lower()}-name", 0, len(_SUFFIX) ** 5 - 1)
        suffix = "".join(_SUFFIX[number // len(_SUFFIX) ** place % len(_SUFFIX)] for place in range(5))
        name = f"{f'{prefix or owner.name}-'[:LONGEST_PREFIX]}{suffix}"
        if world.store.get(ObjectKey(kind, owner.namespace, name)) is None:
            return name
