"""Plans on the tiny application and its twin, how they are written down, and certificates for them."""

from __future__ import annotations

from pathlib import Path

import yaml

from stratus_sim.adapters.kubernetes.live import Json
from stratus_sim.cluster.actions import Action
from stratus_sim.gate.certificate import Certificate, certify
from stratus_sim.gate.gate import examine
from stratus_sim.gate.plan import Plan
from stratus_sim.gate.twin import Twin
from stratus_sim.telemetry.render import render
from stratus_sim.transaction.limits import LIMITS
from stratus_sim.world import World
from tests.adapters.served import Live
from tests.transaction import small


def plan(*actions: Action) -> Plan:
    return Plan(actions)


def written(path: Path, *actions: Action) -> Path:
    path.write_text(yaml.safe_dump([action.to_json() for action in actions]))
    return path


def certified(shop: Live, plan: Plan) -> Certificate:
    live = shop.cluster().objects
    verdict = examine(Twin(live), plan, 3, 0)
    return certify(plan, verdict._replace(smallest=None), live, 0, LIMITS, None)


def objects(world: World) -> list[Json]:
    return [render(world, resource) for resource in world.store.everything()]


def twin() -> Twin:
    return Twin(objects(small.world()))


GOOD = (small.scale(3), small.greet("bye"))
BAD = (small.greet("bye"), small.scale(0))
REFUSED = (small.greet("bye"), small.delete("namespace/shop"))
