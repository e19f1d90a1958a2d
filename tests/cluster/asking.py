"""Side conditions, asked of small worlds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from stratus_sim.cluster import api, conditions
from stratus_sim.cluster.configuration import Manifest
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, key, members, template, workload


def holds(
    world: World,
    condition: str,
    kind: str,
    after: Manifest | None = None,
    begun: Manifest | None = None,
    name: str = "w",
) -> bool:
    return conditions.holds(world, condition, key(kind, name), after, begun)


def manifest(world: World, kind: str, **spec: Any) -> dict[str, Any]:
    """The manifest of a workload with other fields in its spec."""
    found = copy.deepcopy(dict(get(world, kind).manifest))
    return {**found, "spec": {**found["spec"], **spec}}


def pod_spec(**container: Any) -> dict[str, Any]:
    """What a template says, with other fields in its container."""
    return {"containers": [{**template()["spec"]["containers"][0], **container}]}


def of(**container: Any) -> dict[str, Any]:
    """A template with other fields in its container."""
    return {**template(), "spec": pod_spec(**container)}


FAILING = {"readinessProbe": {"exec": {"command": ["false"]}}}
"""A container that never gets ready."""
SLOW = {"lifecycle": {"preStop": {"sleep": {"seconds": 300}}}}
"""A container that takes its time to end, as long as its pod's grace period lets it."""


def stale(kind: str, container: Mapping[str, Any] | None = None, **spec: Any) -> World:
    """A workload with pods of a template it no longer has (w:1, where it says w:2), which nobody replaces."""
    first = of(**(container or {}))
    world = cluster(workload(kind, template=first, updateStrategy={"type": "OnDelete"}, **spec), seconds=60)
    change(world, kind, template=of(image="w:2", **(container or {})))
    world.run_for(60 * SECOND_US)
    assert {pod.spec.containers[0].image for pod in members(world, kind)} == {"w:1"}
    return world


def cordon(world: World, *but: str) -> None:
    """No new pods for any node but these."""
    for node in world.store.list("Node"):
        if node.key.name not in but:
            api.put(world, {**node.manifest, "spec": {"unschedulable": True}}, "user")


def budget(**spec: Any) -> dict[str, Any]:
    """A disruption budget for the pods of `w`."""
    metadata = {"name": "w", "namespace": "default"}
    selector = {"matchLabels": {"app": "w"}}
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata,
        "spec": {"selector": selector, **spec},
    }  # fmt: skip


def settings(name: str = "c") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"A": "1"}}


READING = {"envFrom": [{"configMapRef": {"name": "c"}}]}
"""A container that does not start without `settings`."""
