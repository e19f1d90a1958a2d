"""Clusters of a given size, made of plain Deployments."""

from __future__ import annotations

from typing import Any

from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.world import World

REPLICAS = 10
APPS_PER_NAMESPACE = 20
PODS_PER_NODE = 50


def cluster(pods: int, *, live_port: int = 80, replicas: int = REPLICAS, pods_per_node: int = PODS_PER_NODE) -> World:
    """`pods` pods in Deployments of `replicas`, a Service each, that have settled.

    With another `live_port` every liveness probe fails, and every pod is restarted for ever.
    """
    names = [(f"team-{n // APPS_PER_NAMESPACE:04}", f"app-{n:04}") for n in range(pods // replicas)]
    nodes = [_node(f"node-{n:04}") for n in range(max(3, pods // pods_per_node))]
    healthy = describe(Manifests(_objects(names, 80, replicas)))
    return deploy(Manifests((*nodes, *_objects(names, live_port, replicas))), healthy, seed=1)


def _objects(names: list[tuple[str, str]], live_port: int, replicas: int) -> tuple[dict[str, Any], ...]:
    return tuple(obj for name in names for obj in (_deployment(*name, live_port, replicas), _service(*name)))


def _deployment(namespace: str, name: str, live_port: int, replicas: int) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": live_port}, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "name": "main",
        "image": f"{name}:1",
        "ports": [{"containerPort": 80}],
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(namespace, name), "spec": spec}


def _service(namespace: str, name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(namespace, name), "spec": spec}


def _metadata(namespace: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace}


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}}
