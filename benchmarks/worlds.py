"""Clusters of a given size, made of plain Deployments."""

from __future__ import annotations

from typing import Any

from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.world import World

REPLICAS = 10


def cluster(pods: int, *, live_port: int = 80) -> World:
    """`pods` pods in Deployments of ten, a Service each; with another `live_port` every pod is restarted for ever."""
    names = [f"app-{n:04}" for n in range(pods // REPLICAS)]
    nodes = [_node(f"node-{n:04}") for n in range(max(3, pods // 50))]
    healthy = describe(Manifests(_objects(names, 80)))
    return deploy(Manifests((*nodes, *_objects(names, live_port))), healthy, seed=1)


def _objects(names: list[str], live_port: int) -> tuple[dict[str, Any], ...]:
    return tuple(obj for name in names for obj in (_deployment(name, live_port), _service(name)))


def _deployment(name: str, live_port: int) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": live_port}, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "name": "main",
        "image": f"{name}:1",
        "ports": [{"containerPort": 80}],
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(name), "spec": spec}


def _service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name), "spec": spec}


def _metadata(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "default"}


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}}
