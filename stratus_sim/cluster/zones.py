"""Which lost nodes lose their pods too: none where so many are lost that more likely the control plane is cut off.

Follows kubernetes.io/docs/concepts/architecture/nodes ("Rate limits on eviction"): nobody is evicted while every node
of the cluster is lost, nor from a zone of up to 50 nodes of which more than half, and at least three, are. That two
nodes lost at once lose their pods ten seconds apart, and those of a larger zone slower still, is left out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import taint_eviction
from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_UNHEALTHY_PERMILLE, _FEW_LOST, _SMALL = 550, 2, 50


@watches("Node", of=WRITTEN)
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    """A node comes to others, or leaves them, some of which are lost."""
    if new is None and old is not None:
        note(world, old.key.name, lost=False)
    if world.cluster.lost and (old is None or new is None):
        world.enqueue("zones", "")


def note(world: World, name: str, *, lost: bool) -> None:
    """A node is believed lost from now on, or is so no longer."""
    known = world.cluster.lost
    world.cluster.lost = known | {name} if lost else known - {name}
    if world.cluster.lost != known:
        world.enqueue("zones", "")


@handler("zones")
def review(world: World, _all: str) -> None:
    """Have the pods of lost nodes evicted from now on, or no longer, as their zones are now."""
    lost = world.cluster.lost
    everyone = Counter(_zone(node) for node in world.store.list("Node"))
    found = [node for name in sorted(lost) if (node := world.store.get(node_key(name))) is not None]
    gone = Counter(map(_zone, found))
    for node in found:
        zone = _zone(node)
        held = gone.total() == everyone.total() or _held(gone[zone], everyone[zone])
        if held != (node.status.evicting_us is None):
            since_us = None if held else world.now_us
            world.store.report(node.key, msgspec.structs.replace(node.status, evicting_us=since_us))
            if not held:
                taint_eviction.lose(world, node.key.name)


def _held(lost: int, size: int) -> bool:
    return lost > _FEW_LOST and 1000 * lost >= _UNHEALTHY_PERMILLE * size and size <= _SMALL


def _zone(node: Resource) -> tuple[str, str]:
    return node.labels.get(_REGION, ""), node.labels.get(_ZONE, "")
