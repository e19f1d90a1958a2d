"""What holds at every instant, whatever is written and whatever fails; each check tells what breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import networkx as nx

from stratus_sim.cluster import endpoint_slices, eviction, pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import requested_mib, requested_millicores
from stratus_sim.cluster.workloads.bounds import bounds, wanted
from stratus_sim.cluster.workloads.rollout import recreates
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World


def overfull(world: World) -> Iterator[str]:
    """Nodes that have given away more than they have, or keep other books than their pods'."""
    for node in world.store.list("Node"):
        held = [pod for pod in world.store.on_node(node.key.name) if not pods.ended(pod)]
        cpu = sum(requested_millicores(pod.spec) for pod in held)
        memory = sum(requested_mib(pod.spec) for pod in held)
        status = node.status
        if cpu > status.capacity_millicores or memory > status.capacity_mib:
            yield f"{node.key}: {cpu}m and {memory} MiB of {status.capacity_millicores}m and {status.capacity_mib} MiB"
        if (cpu, memory) != (status.millicores, status.memory_mib):
            yield f"{node.key}: books say {status.millicores}m and {status.memory_mib} MiB, pods {cpu}m and {memory}"


def stale_endpoints(world: World) -> Iterator[str]:
    """Services whose slices list anything but the ready pods they select; who selects none keeps what was listed."""
    for service in world.store.list("Service"):
        if not service.spec.selector:
            continue
        listed = {e.pod for e in endpoint_slices.ready(world, service.key)}
        selector = service.spec.selector
        there = world.store.list("Pod", service.key.namespace)
        serving = {p.key.name for p in there if selector.items() <= p.labels.items() and _serves(p)}
        if listed != serving:
            yield f"{service.key}: lists {sorted(listed)}, ready are {sorted(serving)}"


def _serves(pod: Resource) -> bool:
    return bool(pod.status.ready and pod.status.phase == "Running" and pod.status.node and not pod.deleting)


def knotted(world: World) -> Iterator[str]:
    """Objects that controllers have given to themselves, by whatever detour.

    What a user writes into `ownerReferences` the API server stores, a circle too (`test_owners`).
    """
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_edges_from((found.owner, found.key) for found in world.store.everything() if found.owner is not None)
    if not nx.is_directed_acyclic_graph(graph):
        yield f"owners in a circle: {nx.find_cycle(graph)}"


_TAKEN_IN = ("Pod", "ReplicaSet", "PersistentVolumeClaim", "ControllerRevision")
"""What was left to itself may have an owner younger than it is."""


def orphaned(world: World) -> Iterator[str]:
    """Objects that stay although their owner is gone, or is another one of its name by now."""
    for found in world.store.everything():
        if found.owner is None or found.deleting:
            continue
        owner = world.store.get(found.owner)
        if owner is None or (owner.uid > found.uid and found.key.kind not in _TAKEN_IN):
            yield f"{found.key} is left of {found.owner}"


class Standing(NamedTuple):
    """A Deployment at some instant: pods wanted, pods its sets ask for, and those there are, by name."""

    size: int
    asked: int
    active: frozenset[str]
    ready: frozenset[str]
    available: frozenset[str]


_NOTHING = Standing(0, 0, frozenset(), frozenset(), frozenset())


class Rollouts:
    """Compares one settled instant with the next: what ReplicaSets did in between stays within a Deployment's bounds.

    Pods that are lost otherwise (deleted, evicted, on a lost node) are no doing of the controller's. A Deployment takes
    whom it does not count as available, and of those a set has left the ready ones stay. Sets are sized in proportion
    whoever serves, the largest and oldest first: a Deployment whose size was changed in mid-rollout takes as many as
    there are too many, and one that is paused is only sized.
    """

    def __init__(self, world: World) -> None:
        self._look(world)

    def broken(self, world: World) -> Iterator[str]:
        before, told = self._standing, self._told
        self._look(world)
        for key, now in self._standing.items():
            deployment = world.store.state.objects[key]
            surge, unavailable = bounds(deployment)
            was, most = before.get(key, _NOTHING), now.size + surge
            if len(now.active) > max(len(was.active), most):
                yield f"{key}: {len(now.active)} pods, {now.size} wanted and {surge} more allowed"
            taken = was.available & (self._told - told)
            floor = min(now.size - unavailable, len(now.available) + len(taken))
            excused = max(0, was.asked - most) if was.size != now.size else 0
            rolls = not (deployment.spec.paused or recreates(deployment))
            if rolls and len(now.ready) < floor - excused:
                yield f"{key}: took {sorted(taken)}, {len(now.ready)} ready are left of {now.size} less {unavailable}"

    def _look(self, world: World) -> None:
        """What there is of each Deployment, and the names of the pods ReplicaSets have said they deleted so far."""
        events = [e for e in world.cluster.events.values() if e.involved.kind == "ReplicaSet"]
        self._told = {e.message.rpartition(" ")[2] for e in events if e.reason == "SuccessfulDelete"}
        self._standing = {d.key: _standing(world, d) for d in world.store.list("Deployment")}


def _standing(world: World, deployment: Resource) -> Standing:
    sets = world.store.owned(deployment.key)
    active = [pod for found in sets for pod in world.store.owned(found.key) if pods.active(pod)]
    ready = [pod for pod in active if pod.status.ready]
    since_us = world.now_us - (deployment.spec.min_ready_seconds or 0) * SECOND_US
    return Standing(
        wanted(deployment),
        sum(found.spec.replicas for found in sets),
        _names(active),
        _names(ready),
        _names(pod for pod in ready if pod.status.since_us < since_us),  # who turns so right now is not told of yet
    )


def _names(found: Iterable[Resource]) -> frozenset[str]:
    return frozenset(pod.key.name for pod in found)


def spent(world: World) -> dict[ObjectKey, tuple[int, int]]:
    """For each budget, how many of its pods are healthy and how many it wants."""
    found = {b.key: eviction.disruption(world, b) for b in world.store.list("PodDisruptionBudget")}
    return {key: (budget.healthy, budget.desired) for key, budget in found.items()}


EVER = (overfull, knotted)
SETTLED = (stale_endpoints, orphaned)
"""Checks that hold once controllers have had their say at an instant."""
