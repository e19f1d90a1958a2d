"""Whether pods would come back: images, configuration, room, and nobody who takes it first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import eviction, pods, scheduler, volumes
from stratus_sim.cluster.conditions.change import Change
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling.scores import load

if TYPE_CHECKING:
    from stratus_sim.world import World


def replaceable(world: World, change: Change) -> bool:
    """A twin serves meanwhile or this one does not serve, its budgets let it go, and a new one could start."""
    pod = change.found
    if pod is None or pod.owner is None or world.store.get(pod.owner) is None or eviction.refusal(world, [pod]):
        return False
    twins = (twin.status.ready for twin in staying(world, pod.owner) if twin.key != change.key)
    return (not pod.status.ready or any(twins)) and could_start(world, pod)


def staying(world: World, workload: ObjectKey) -> list[Resource]:
    """The pods of a workload that are there to stay."""
    return [pod for pod in pods.of_workload(world, workload) if pods.active(pod)]


def could_start(world: World, pod: Resource) -> bool:
    """Whether a copy of this pod, made now, would find its images, its configuration and a node."""
    nodes = world.store.list("Node")
    room = any(not scheduler.refusal(world, node, pod) for node in nodes)
    return room and configured(world, pod) and not _contested(world, nodes, pods.root_owner(world, pod))


def configured(world: World, pod: Resource) -> bool:
    """Whether the images, mounted volumes and environment of a pod are there."""
    images = all(world.processes.image_exists(c.image) for c in pod.spec.containers)
    return images and not volumes.missing_mounts(world, pod) and not volumes.environments(world, pod)[1]


def fits(world: World, nodes: list[Resource], arriving: Iterable[Resource]) -> bool:
    """Whether the scheduler finds one of these nodes for each pod, in turn, the emptiest first."""
    nodes = list(nodes)
    for pod in arriving:
        free = [i for i, node in enumerate(nodes) if not scheduler.refusal(world, node, pod)]
        if not free:
            return False
        best = min(free, key=lambda i: load(nodes[i]))
        nodes[best] = _with(nodes[best], pod)
    return True


def _with(node: Resource, pod: Resource) -> Resource:
    return msgspec.structs.replace(node, status=scheduler.with_pod(node.status, pod))


def _contested(world: World, nodes: list[Resource], workload: ObjectKey | None) -> bool:
    """Whether pods of others wait for room: they would take what a pod leaves before its successor comes."""
    waiting = [pod for pod in world.store.on_node("") if pods.root_owner(world, pod) != workload]
    return any("Insufficient" in scheduler.refusal(world, node, pod) for pod in waiting for node in nodes)
