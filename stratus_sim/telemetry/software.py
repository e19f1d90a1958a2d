"""Whose processes tell about themselves: instrumented code writes spans and metrics, stock servers do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.application.behaviours.images import software
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.manifests.calls import is_telemetry

if TYPE_CHECKING:
    from stratus_sim.world import World

_STOCK = frozenset({"database", "cache", "queue"})


def speaks_for_itself(world: World, workload: str) -> bool:
    """Whether a workload (`namespace/name`) is instrumented; what a stock server does its clients tell.

    What gathers telemetry tells nothing of itself.
    """
    if is_telemetry(workload.partition("/")[2]):
        return False
    known = world.application.workloads[workload]
    found = world.store.get(ObjectKey(known.kind, known.namespace, known.name))
    return found is None or software(found.manifest["spec"]["template"], known.container).role not in _STOCK
