"""Names the API server completes (`generateName`): a prefix and five characters nobody confuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
SUFFIXES = len(_SUFFIX) ** 5
"""How many such endings there are."""
LONGEST_PREFIX = 58
"""What the API server leaves of a `generateName`, dash included."""


def suffix(number: int) -> str:
    """The five characters that stand for a number, the same for one that is `SUFFIXES` more."""
    return "".join(_SUFFIX[number // len(_SUFFIX) ** place % len(_SUFFIX)] for place in range(5))


def free_name(world: World, kind: str, owner: ObjectKey, prefix: str = "") -> str:
    """`prefix-xxxxx`, `prefix` the owner's name unless given, which no object of the kind beside the owner has."""
    while True:
        number = world.draw(str(owner), f"{kind.lower()}-name", 0, SUFFIXES - 1)
        name = f"{f'{prefix or owner.name}-'[:LONGEST_PREFIX]}{suffix(number)}"
        if world.store.get(ObjectKey(kind, owner.namespace, name)) is None:
            return name
