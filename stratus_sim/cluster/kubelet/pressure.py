"""Nodes short of memory or disk: one pod after the other is evicted until there is enough again.

Follows kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction with its defaults (hard thresholds,
looked at every ten seconds, conditions that last five minutes more). What a process uses does not change while it runs,
so a node is looked at when a pod has started there, and again while it is short. What the scheduler may give away
counts as what there is: the threshold lies beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stratus_sim.cluster import container_status, pods, priority
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import reports, storage
from stratus_sim.cluster.kubelet.killing import announce
from stratus_sim.cluster.kubelet.storage import in_words
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.specs import container_request, requested_mib
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

PERIOD_US = 10 * SECOND_US
TRANSITION_US = 300 * SECOND_US
_NODE_CRITICAL = 2_000_001_000


class Signal(NamedTuple):
    """What may run short: the resource, the word of its condition, and the threshold of `available`."""

    resource: str
    condition: str
    threshold_mib: int


MEMORY = Signal("memory", "Memory", 100)
DISK = Signal("ephemeral-storage", "Disk", 1024)
_SIGNALS = {signal.condition: signal for signal in (MEMORY, DISK)}


def observe(world: World, pod: Resource, *, writes: bool) -> None:
    """Look at the node of a pod that has just started; at its disk if the pod writes to it."""
    node = world.store.get(node_key(pod.status.node))
    if node is None:
        return
    if world.store.count_on_node(node.key.name) * world.processes.largest_mib() > node.status.capacity_mib:
        _look(world, node, MEMORY)
    if writes:
        _look(world, node, DISK)


def _look(world: World, node: Resource, signal: Signal) -> None:
    if _short_mib(world, node, signal) > 0:
        delay_us = world.draw(str(node.key), "eviction", SECOND_US, PERIOD_US)
        world.schedule(delay_us, "kubelet.relieve", node.key.name, signal.condition)


def _short_mib(world: World, node: Resource, signal: Signal) -> int:
    room = node.status.capacity_mib if signal is MEMORY else storage.room_mib(node)
    return -1 if room is None else sum(_used_mib(world, pod, signal) for pod in _running(world, node)) - room


def _running(world: World, node: Resource) -> list[Resource]:
    found = world.store.on_node(node.key.name)
    return [pod for pod in found if not pods.ended(pod) and container_status.running(pod)]


def _used_mib(world: World, pod: Resource, signal: Signal) -> int:
    if signal is DISK:
        return storage.used_mib(world, pod)
    workload = pods.root_owner(world, pod)
    return sum(world.processes.memory_mib(workload, c.name) for c in container_status.running(pod))


def _requested(pod: Resource, signal: Signal) -> int:
    return requested_mib(pod.spec) if signal is MEMORY else storage.requested_mib(pod)


@handler("kubelet.relieve")
def relieve(world: World, name: str, condition: str) -> None:
    """Evict the pod that has its turn; when there is enough again the condition ends five minutes later."""
    node, signal = world.store.get(ObjectKey("Node", "", name)), _SIGNALS[condition]
    if node is None:
        return
    if not node.status.heartbeat:
        world.schedule(TRANSITION_US, "kubelet.relieve", name, condition)
        return
    short = _short_mib(world, node, signal)
    if short <= 0:
        if condition in node.status.pressure:
            world.schedule(TRANSITION_US, "kubelet.relieved", name, condition, node.status.pressure[condition])
        return
    if world.now_us - node.status.pressure.get(condition, -PERIOD_US) < PERIOD_US:
        return  # another pod that started there has set the same timer before
    _press(world, node, signal)
    victims = ranked(world, node, signal)
    if victims:
        evict(world, victims[0], _low(world, victims[0], signal, short))
    world.schedule(PERIOD_US, "kubelet.relieve", name, condition)


def ranked(world: World, node: Resource, signal: Signal) -> list[Resource]:
    """The pods that may be evicted, in order: those above their requests, of low priority, furthest above."""
    found = [pod for pod in _running(world, node) if not pod.deleting and priority.value(pod.spec) < _NODE_CRITICAL]
    return sorted(found, key=lambda pod: _turn(world, pod, signal))


def _turn(world: World, pod: Resource, signal: Signal) -> tuple[Any, ...]:
    above = _used_mib(world, pod, signal) - _requested(pod, signal)
    return above <= 0, priority.value(pod.spec), -above, pod.uid


def _low(world: World, pod: Resource, signal: Signal, short: int) -> str:
    threshold, available = (in_words(mib) for mib in (signal.threshold_mib, max(0, signal.threshold_mib - short)))
    told = f"The node was low on resource: {signal.resource}. Threshold quantity: {threshold}, available: {available}. "
    return told + "".join(_consumes(world, pod, container, signal) for container in container_status.running(pod))


def _consumes(world: World, pod: Resource, container: Container, signal: Signal) -> str:
    """What is said of a container that uses more than it has requested."""
    used = _container_mib(world, pod, container, signal)
    requested = _container_request(container, signal)
    if used <= requested:
        return ""
    amounts = f"was using {in_words(used)}, request is {in_words(requested)}"
    return f"Container {container.name} {amounts}, has larger consumption of {signal.resource}. "


def _container_mib(world: World, pod: Resource, container: Container, signal: Signal) -> int:
    if signal is DISK:
        return world.processes.written_mib(container)
    return world.processes.memory_mib(pods.root_owner(world, pod), container.name)


def _container_request(container: Container, signal: Signal) -> int:
    if signal is DISK:
        return storage.requested_of(container)
    return container_request(container, "memory") or 0


def evict(world: World, pod: Resource, message: str) -> None:
    """End a pod for good; it stays to be looked at, and its owner makes another."""
    emit(world, pod.key, "Evicted", message, warning=True)
    announce(world, pod)
    reports.finish(world, pod, "Evicted", message, {"disruption": "TerminationByKubelet"})


def _press(world: World, node: Resource, signal: Signal) -> None:
    emit(world, node.key, "EvictionThresholdMet", f"Attempting to reclaim {signal.resource}", warning=True)
    if signal.condition not in node.status.pressure:
        reason = "NodeHasInsufficientMemory" if signal is MEMORY else "NodeHasDiskPressure"
        emit(world, node.key, reason, f"Node {node.key.name} status is now: {reason}")
    pressure = node.status.pressure.set(signal.condition, world.now_us)
    world.store.report(node.key, msgspec.structs.replace(node.status, pressure=pressure))


@handler("kubelet.relieved")
def relieved(world: World, name: str, condition: str, pressed_us: int) -> None:
    node = world.store.get(ObjectKey("Node", "", name))
    if node is None or node.status.pressure.get(condition) != pressed_us:
        return
    reason = "NodeHasSufficientMemory" if condition == "Memory" else "NodeHasNoDiskPressure"
    emit(world, node.key, reason, f"Node {name} status is now: {reason}")
    world.store.report(node.key, msgspec.structs.replace(node.status, pressure=node.status.pressure.delete(condition)))
