"""How a world begins: manifests applied to empty nodes, run until nothing moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.traffic import STANDING_S
from stratus_sim.world import World

STEADY_US = STANDING_S * SECOND_US
"""Time from applying the manifests to the first fault: longer than any start-up, probe and alert window."""

_FIRST = ("Namespace", "Node", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service")
_LAST = ("Pod", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_MIN_NODES = 3
_WORKLOADS_PER_NODE = 12


def deploy(manifests: Manifests, application: Application, seed: int = 0) -> World:
    """A world in which the manifests were applied `STEADY_US` ago.

    Nodes are invented (8 cores, 32 GiB each) when the manifests declare none.

    Raises:
        UserError: a field the control plane reads has the wrong type.
    """
    world = World.empty(application, seed)
    for manifest in _in_order(manifests, application):
        api.put(world, manifest, "user")
    world.run_until(STEADY_US)
    return world


def _in_order(manifests: Manifests, application: Application) -> list[Mapping[str, Any]]:
    """Objects others need before they can start come first, as `kubectl apply` and Helm sort them."""
    nodes = () if manifests.of_kind("Node") else _nodes(len(application.workloads))
    last = {kind: index for index, kind in enumerate(_LAST, len(_FIRST) + 1)}
    rank = {kind: index for index, kind in enumerate(_FIRST)} | last
    return sorted([*nodes, *manifests.objects], key=lambda m: rank.get(m["kind"], len(_FIRST)))


def _nodes(workloads: int) -> list[Mapping[str, Any]]:
    count = max(_MIN_NODES, -(-workloads // _WORKLOADS_PER_NODE))
    return [_node(f"node-{number}") for number in range(1, count + 1)]


def _node(name: str) -> Mapping[str, Any]:
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}
