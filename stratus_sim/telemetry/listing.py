"""Every object of a kind as the API server has it, stored or worked out when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import root_ca
from stratus_sim.telemetry import render_endpoints
from stratus_sim.telemetry.completing import completed
from stratus_sim.telemetry.render import Json
from stratus_sim.telemetry.render_namespaces import undeclared

if TYPE_CHECKING:
    from stratus_sim.world import World


def objects(world: World, kind: str) -> list[Json]:
    """The objects of a kind in order of namespace and name."""
    found = [completed(world, item) for item in root_ca.listed(world, kind)]
    if kind == "Namespace":
        found += undeclared(world).values()
    elif kind == render_endpoints.KIND:
        found += render_endpoints.derived(world, None)
    else:
        return found
    return sorted(found, key=lambda body: (str(body["metadata"].get("namespace", "")), str(body["metadata"]["name"])))
