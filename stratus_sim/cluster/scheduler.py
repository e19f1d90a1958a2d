"""Scheduler: filter by node state, selector and free requests; prefer the emptiest node.

Follows kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler; event texts as kube-scheduler writes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import requested_mib, requested_millicores
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is None and new is not None and not new.status.node:
        world.enqueue("scheduler", new.key)
    elif new is None and old is not None and old.status.node:
        _release(world, old)
        retry_pending(world)


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or _offer(old) != _offer(new)):
        retry_pending(world)


def _offer(node: Resource) -> tuple[bool, bool | None, object]:
    return node.status.ready, node.spec.unschedulable, node.labels


def retry_pending(world: World) -> None:
    """Something changed that may let a waiting pod fit."""
    for pod in world.store.on_node(""):
        world.enqueue("scheduler", pod.key)


@handler("scheduler")
def schedule(world: World, key: ObjectKey) -> None:
    """Bind a pending pod to a node, or say why none fits."""
    pod = world.store.get(key)
    if pod is None or pod.deleting or pod.status.node:
        return
    nodes = world.store.list("Node")
    verdicts = [(node, refusal(node, pod)) for node in nodes]
    fitting = [node for node, refusal in verdicts if not refusal]
    if fitting:
        _bind(world, pod, min(fitting, key=_load))
        return
    message = _explain([refusal for _, refusal in verdicts])
    if pod.status.message != message:
        emit(world, key, "FailedScheduling", message, warning=True)
        pods.update(world, pod, reason="Unschedulable", message=message)


def refusal(node: Resource, pod: Resource) -> str:
    """Why a pod cannot go to a node, in kube-scheduler's words; empty when it can."""
    status, selector = node.status, pod.spec.node_selector or {}
    if node.spec.unschedulable:
        return "node(s) were unschedulable"
    if not status.ready:
        return "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"
    if pod.spec.node_name not in (None, "", node.key.name) or not selector.items() <= node.labels.items():
        return "node(s) didn't match Pod's node affinity/selector"
    if status.millicores + requested_millicores(pod.spec) > status.capacity_millicores:
        return "Insufficient cpu"
    if status.memory_mib + requested_mib(pod.spec) > status.capacity_mib:
        return "Insufficient memory"
    return ""


def _load(node: Resource) -> tuple[int, str]:
    """Requested share of the fuller resource in permille, then the name."""
    status = node.status
    cpu = 1000 * status.millicores // max(1, status.capacity_millicores)
    return max(cpu, 1000 * status.memory_mib // max(1, status.capacity_mib)), node.key.name


def _explain(refusals: list[str]) -> str:
    counts = ", ".join(f"{n} {reason}" for reason, n in sorted(Counter(refusals).items()))
    return f"0/{len(refusals)} nodes are available: {counts}." if refusals else "no nodes available to schedule pods"


def _bind(world: World, pod: Resource, node: Resource) -> None:
    _reserve(world, node, pod, +1)
    emit(
        world,
        pod.key,
        "Scheduled",
        f"Successfully assigned {pod.key.namespace}/{pod.key.name} to {node.key.name}",
    )
    pods.update(world, pod, node=node.key.name, reason="ContainerCreating", message="")


def _release(world: World, pod: Resource) -> None:
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    if node is not None:
        _reserve(world, node, pod, -1)


def _reserve(world: World, node: Resource, pod: Resource, sign: int) -> None:
    status = msgspec.structs.replace(
        node.status,
        millicores=node.status.millicores + sign * requested_millicores(pod.spec),
        memory_mib=node.status.memory_mib + sign * requested_mib(pod.spec),
    )
    world.store.report(node.key, status)
