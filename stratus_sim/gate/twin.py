"""The twin: live objects deployed in the simulator, so that a plan can be tried where it hurts nobody.

Only configuration is taken over. Controllers of the twin make pods anew; nodes that are lost in the cluster are lost
in the twin. Values of Secrets never come in: that they are there is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from stratus_sim.adapters.kubernetes.live import (
    LAST_APPLIED,
    Json,
    condition,
    configured,
    images_failing,
    images_seen,
    is_configured,
)
from stratus_sim.cluster import nodes, taint_eviction, zones
from stratus_sim.genesis import STEADY_US, deploy
from stratus_sim.manifests.application import Application, describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Topology
from stratus_sim.snapshot import Snapshot
from stratus_sim.telemetry.render import REDACTED
from stratus_sim.world import World


class Twin:
    """A cluster's configuration and the application it describes, ready to be deployed with any seed."""

    def __init__(
        self, objects: Iterable[Json], healthy: Manifests | None = None, topology: Topology | None = None
    ) -> None:
        """`objects` are as the API server returned them.

        `healthy` are the manifests that say what the application is when nothing is wrong with it; without them the
        live objects do, and a fault in them is taken for how things should be.

        Raises:
            UserError: an object is not what the API reference says, or the topology names what is not there.
        """
        live = list(objects)
        self.manifests = imported(live)
        self.lost = tuple(o["metadata"]["name"] for o in live if o["kind"] == "Node" and not condition(o, "Ready"))
        self.application = _described(live, self.manifests, healthy, topology)
        self._standing = lru_cache(maxsize=32)(self._deploy)

    def world(self, seed: int) -> World:
        """The twin, steady."""
        return World(self._standing(seed))

    def _deploy(self, seed: int) -> Snapshot:
        world = deploy(self.manifests, self.application, seed)
        for name in self.lost:
            nodes.crash(world, name)
        gone_us = taint_eviction.TOLERATION_US + len(self.lost) * zones.EVERY_US
        world.run_for((STEADY_US + gone_us) if self.lost else 0)
        return world.snapshot()


def imported(objects: Iterable[Json]) -> Manifests:
    """The configuration among live objects, as manifests; Secrets with placeholders for their values."""
    return Manifests(tuple(_imported(found) for found in objects if is_configured(found)))


def _imported(found: Json) -> Json:
    manifest = configured(found)
    if found["kind"] == "Secret":
        return _without_values(manifest)
    if found["kind"] == "Node":
        status = found.get("status") or {}
        return {**manifest, "status": {k: status[k] for k in ("allocatable", "capacity") if k in status}}
    return manifest


def _without_values(secret: Json) -> Json:
    """kubectl keeps the applied manifest, values and all, in an annotation."""
    metadata = dict(secret["metadata"])
    notes = {k: v for k, v in metadata.pop("annotations", {}).items() if k != LAST_APPLIED}
    body = {k: dict.fromkeys(v, REDACTED) if k in ("data", "stringData") else v for k, v in secret.items()}
    return {**body, "metadata": {**metadata, "annotations": notes} if notes else metadata}


def _described(
    live: list[Json], manifests: Manifests, healthy: Manifests | None, topology: Topology | None
) -> Application:
    """The application, with the images that exist as far as the cluster shows."""
    application = describe(healthy or manifests, topology)
    named = frozenset(describe(manifests).images) | application.images
    failing = images_failing(live) - (application.images if healthy else frozenset())
    earlier = _images_of_sets(live)
    return replace(application, images=(named | earlier | images_seen(live)) - failing)


def _images_of_sets(live: list[Json]) -> frozenset[str]:
    """What earlier revisions ran."""
    templates = [o["spec"]["template"]["spec"] for o in live if o["kind"] == "ReplicaSet"]
    return frozenset(c["image"] for spec in templates for c in spec["containers"] if c.get("image"))
