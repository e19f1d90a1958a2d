"""Runbook row for a lost node: its pods are replaced where there is room, minutes before eviction would do it."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_agents.policies.hypotheses import Hypothesis, write
from stratus_agents.policies.scene import Json, Scene, is_ready, labels, name, owner
from stratus_sim.manifests import quantity

_AT_ONCE = 5
"""Deletions per attempt: few enough for one transaction."""


def node_is_lost(scene: Scene) -> Iterator[Hypothesis]:
    for node in scene.nodes:
        if is_ready(node):
            continue
        stuck = [pod for pod in scene.pods if pod["spec"].get("nodeName") == name(node)]
        movable = _placeable(scene, [pod for pod in stuck if _is_movable(pod)])
        if stuck:
            deletions = tuple(write("delete", pod) for pod in movable[:_AT_ONCE])
            yield Hypothesis(f"node {name(node)} does not report", deletions)


def _is_movable(pod: Json) -> bool:
    """Served until the node was lost (who could not start there starts nowhere), has a ReplicaSet, is bound to its
    node by no volume."""
    volumes = pod["spec"].get("volumes") or ()
    claims = any("persistentVolumeClaim" in volume for volume in volumes)
    served = pod["status"].get("phase") == "Running" and not is_ready(pod)
    return served and owner(pod)[0] == "ReplicaSet" and not claims


def _placeable(scene: Scene, pods: list[Json]) -> list[Json]:
    """Those that fit on the ready nodes, first come first served."""
    rooms = {name(node): _room(scene, node) for node in scene.nodes if _accepts(node)}
    placed = []
    for pod in pods:
        cpu, memory = _requested(pod)
        homes = [n for n, (c, m) in rooms.items() if c >= cpu and m >= memory and _matches(scene, pod, n)]
        if homes:
            free_cpu, free_memory = rooms[homes[0]]
            rooms[homes[0]] = (free_cpu - cpu, free_memory - memory)
            placed.append(pod)
    return placed


def _accepts(node: Json) -> bool:
    return is_ready(node) and not (node.get("spec") or {}).get("unschedulable")


def _matches(scene: Scene, pod: Json, node: str) -> bool:
    selector = pod["spec"].get("nodeSelector") or {}
    found = next(n for n in scene.nodes if name(n) == node)
    return selector.items() <= labels(found).items()


def _room(scene: Scene, node: Json) -> tuple[int, int]:
    """(millicores, MiB) not yet requested on a node."""
    offered = node["status"]["allocatable"]
    taken = [_requested(pod) for pod in scene.pods if pod["spec"].get("nodeName") == name(node)]
    cpu, memory = quantity.millicores(offered["cpu"]), quantity.mib(offered["memory"])
    return cpu - sum(c for c, _ in taken), memory - sum(m for _, m in taken)


def _requested(pod: Json) -> tuple[int, int]:
    """(millicores, MiB) a pod reserves; a limit counts where no request is stated."""
    asked = []
    for container in pod["spec"]["containers"]:
        resources = container.get("resources") or {}
        asked.append({**(resources.get("limits") or {}), **(resources.get("requests") or {})})
    cpu = sum(quantity.millicores(a.get("cpu", 0)) for a in asked)
    return cpu, sum(quantity.mib(a.get("memory", 0)) for a in asked)
