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
_ALIVE, _DEAD = 80, 81
"""The port a process listens on, and one it does not."""


def cluster(
    pods: int,
    *,
    failing_every: int = 0,
    period_s: int = 1,
    replicas: int = REPLICAS,
    pods_per_node: int = PODS_PER_NODE,
) -> World:
    """`pods` pods in Deployments of `replicas`, a Service each, that have settled.

    Their kubelets probe them every `period_s` seconds. Every n-th Deployment fails (`failing_every`; with 0 none does):
    its pods are restarted for ever.
    """
    names = [(f"team-{n // APPS_PER_NAMESPACE:04}", f"app-{n:04}") for n in range(pods // replicas)]
    nodes = [_node(f"node-{n:04}") for n in range(max(3, pods // pods_per_node))]
    ports = [_DEAD if failing_every and at % failing_every == 0 else _ALIVE for at in range(len(names))]
    sound, found = (_objects(names, asked, replicas, period_s) for asked in ([_ALIVE] * len(names), ports))
    return deploy(Manifests((*nodes, *found)), describe(Manifests(sound)), seed=1)


def _objects(
    names: list[tuple[str, str]], ports: list[int], replicas: int, period_s: int
) -> tuple[dict[str, Any], ...]:
    return tuple(
        obj
        for name, port in zip(names, ports, strict=True)
        for obj in (_deployment(*name, port, replicas, period_s), _service(*name))
    )


def _deployment(namespace: str, name: str, port: int, replicas: int, period_s: int) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": port}, "periodSeconds": period_s, "failureThreshold": 1}
    container = {
        "name": "main",
        "image": f"{name}:1",
        "ports": [{"containerPort": _ALIVE}],
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(namespace, name), "spec": spec}


def _service(namespace: str, name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": _ALIVE}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(namespace, name), "spec": spec}


def _metadata(namespace: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace}


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}}
