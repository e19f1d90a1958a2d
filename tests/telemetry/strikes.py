"""The faults that find something to strike in the embedded application, and worlds they have struck."""

from __future__ import annotations

from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.conftest import standing

STRIKING = [name for name in sorted(FAULTS) if FAULTS[name].targets(World(standing()))]


def struck(world: World, fault: str, target: str | None = None, after_s: int = 90) -> World:
    """The world some time after a fault struck the target of this name, the first one for None."""
    key = next(key for key in FAULTS[fault].targets(world) if target in (None, key.name))
    inject.schedule(world, 0, fault, key)
    world.run_for(after_s * SECOND_US)
    return world
