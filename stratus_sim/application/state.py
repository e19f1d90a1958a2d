"""What the application layer remembers between two changes that matter."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from immutables import Map

from stratus_sim.application.flow import Flows
from stratus_sim.application.routes import Routes


@dataclass(slots=True)
class TrafficState:
    """Load and the flows of the present epoch. Values are immutable: a shallow copy is a snapshot.

    `load_permille` scales every entry point's request rate. `erring` and `slow` say since when a workload has failed
    too many requests or answered too late (microseconds). `solved_at` is the store version `flows` belong to. `routes`
    are what the last solution read; the next gives the same with or without them.
    """

    load_permille: int = 1000
    flows: Flows | None = None
    solved_at: int = -1
    scheduled: bool = False
    erring: Map[str, int] = Map()
    slow: Map[str, int] = Map()
    routes: Routes | None = field(default=None, compare=False, repr=False)

    def copy(self) -> TrafficState:
        return copy.copy(self)
