"""Plans on the tiny application, and how they are written down."""

from __future__ import annotations

from pathlib import Path

import yaml

from stratus_sim.cluster.actions import Action
from stratus_sim.gate.plan import Plan
from tests.transaction import small


def plan(*actions: Action) -> Plan:
    return Plan(actions)


def written(path: Path, *actions: Action) -> Path:
    path.write_text(yaml.safe_dump([action.to_json() for action in actions]))
    return path


GOOD = (small.scale(3), small.greet("bye"))
BAD = (small.greet("bye"), small.scale(0))
REFUSED = (small.greet("bye"), small.delete("namespace/shop"))
