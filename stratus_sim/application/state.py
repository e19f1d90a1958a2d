"""What the application layer remembers between two changes that matter."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from stratus_sim.application.answers import Roles
from stratus_sim.application.dynamics.advance import Footing
from stratus_sim.application.dynamics.ledger import NOTHING_COUNTED, Ledger
from stratus_sim.application.dynamics.state import Motion, Tally
from stratus_sim.application.flow import Flows
from stratus_sim.application.routes import Routes


@dataclass(slots=True)
class TrafficState:
    """Load and the flows of the present epoch. Values are immutable: a shallow copy is a snapshot.

    `load_permille` scales every entry point's request rate. `erring` and `slow` say since when a workload has failed
    too many requests or answered too late (microseconds). `solved_at` is the store version `flows` belong to. `memory`
    is what the behaviour of each workload (`namespace/name`) wanted to know next time when it was asked at `asked_us`.
    `ledger` has what was counted until `begun`, the flows of the last epoch, began to hold; where traffic was declared,
    `motion` is what the last epoch left behind and `last` what it counted. `roles`, `routes` and `footing` are what the
    last solution read; the next gives the same with or without them.
    """

    load_permille: int = 1000
    flows: Flows | None = None
    solved_at: int = -1
    memory: Map[str, Any] = Map()
    asked_us: int = 0
    scheduled: bool = False
    erring: Map[str, int] = Map()
    slow: Map[str, int] = Map()
    begun: Flows | None = None
    ledger: Ledger = NOTHING_COUNTED
    motion: Motion | None = None
    last: Tally | None = None
    roles: Roles | None = field(default=None, compare=False, repr=False)
    footing: Footing | None = field(default=None, compare=False, repr=False)
    routes: Routes | None = field(default=None, compare=False, repr=False)

    def copy(self) -> TrafficState:
        return copy.copy(self)
