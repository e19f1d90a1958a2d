"""The faults that find something to strike in the embedded application."""

from __future__ import annotations

from stratus_sim.faults import FAULTS
from stratus_sim.world import World
from tests.conftest import standing

STRIKING = [name for name in sorted(FAULTS) if FAULTS[name].targets(World(standing()))]
