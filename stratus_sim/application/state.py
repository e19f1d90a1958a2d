"""What the application layer remembers between two changes that matter."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from stratus_sim.application.answers import Roles
from stratus_sim.application.dynamics.board import Board
from stratus_sim.application.dynamics.course import Course
from stratus_sim.application.dynamics.footing import Footing
from stratus_sim.application.dynamics.islands import Stray
from stratus_sim.application.dynamics.ledger import NOTHING_COUNTED, Ledger
from stratus_sim.application.flow import Flows, Past
from stratus_sim.application.routes import Routes, Serving
from stratus_sim.application.work import Share


@dataclass(slots=True)
class TrafficState:
    """Load and the flows of the present epoch. Values are immutable: a shallow copy is a snapshot.

    `load_permille` scales every entry point's request rate, `spikes` that of single ones (in permille, by Service).
    `erring` and `slow` say since when a workload has failed too many requests or answered too late (microseconds).
    `solved_at` is the store version `flows` belong to. `memory` is what the behaviour of each workload
    (`namespace/name`) wanted to know next time when it was asked at `asked_us`. `begun` are the flows of the last
    epoch, `past` those of the epochs that monitoring still tells of. `courses` say how islands go on, in their
    order, `ledger` what was counted before; `strays` are the calls that make one island of several, `crewed` the
    places of islands with pods that do not all work alike or for which requests wait. `shares` has the
    CPU time pods used until the last epoch, while these were `served`, `vitals` what `health` found processes to answer
    in it. `roles`, `routes`, `footing` and `board` are what the last solution read and showed; the next gives the same
    with or without them.
    """

    load_permille: int = 1000
    spikes: Map[str, int] = Map()
    flows: Flows | None = None
    solved_at: int = -1
    memory: Map[str, Any] = Map()
    asked_us: int = 0
    scheduled: bool = False
    erring: Map[str, int] = Map()
    slow: Map[str, int] = Map()
    begun: Flows | None = None
    past: Past = ()
    courses: tuple[Course, ...] = ()
    ledger: Ledger = NOTHING_COUNTED
    strays: frozenset[Stray] = frozenset()
    crewed: frozenset[int] = frozenset()
    shares: Mapping[str, tuple[Share, ...]] = field(default_factory=dict)
    vitals: Mapping[str, Any] = field(default_factory=dict)
    served: Mapping[str, Serving] = field(default_factory=dict, compare=False, repr=False)
    roles: Roles | None = field(default=None, compare=False, repr=False)
    routes: Routes | None = field(default=None, compare=False, repr=False)
    footing: Footing | None = field(default=None, compare=False, repr=False)
    board: Board | None = field(default=None, compare=False, repr=False)

    def copy(self) -> TrafficState:
        return copy.copy(self)
