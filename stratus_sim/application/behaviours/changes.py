"""Changes that behaviours follow and no EndpointSlice tells of: flags in ConfigMaps, clients behind no Service."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.flags import read
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.watching import STATUS, watches
from stratus_sim.manifests.application import Application

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("ConfigMap")
def on_flags(world: World, old: Resource | None, new: Resource | None) -> None:
    found = [resource.manifest.get("data") or {} for resource in (old, new) if resource is not None]
    texts = [text for data in found for text in data.values() if isinstance(text, str)]
    if any("defaultVariant" in text and read(text) for text in texts):
        epochs.touch(world)


@watches("Deployment", "StatefulSet", "DaemonSet", of=STATUS)
def on_client(world: World, old: Resource | None, new: Resource | None) -> None:
    """Pods of a workload that calls others and that no Service selects come and go unseen by anybody else."""
    found = new or old
    if found is None or (old is not None and new is not None and old.status.ready == new.status.ready):
        return
    if f"{found.key.namespace}/{found.key.name}" in _unserved(world.application):
        epochs.touch(world)


@lru_cache(maxsize=64)
def _unserved(application: Application) -> frozenset[str]:
    served = {workload for workloads in application.services.values() for workload in workloads}
    return frozenset(call.source_key for call in application.calls) - served
