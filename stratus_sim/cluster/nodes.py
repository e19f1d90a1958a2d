"""Node lifecycle: a silent node is unreachable after 40 s and loses its pods five minutes later.

Follows kubernetes.io/docs/concepts/architecture/nodes ("Node heartbeats") and taint-based eviction with the default
`tolerationSeconds` of 300.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import pods, taints
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.cluster.status import NodeStatus
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests import quantity

if TYPE_CHECKING:
    from stratus_sim.world import World

GRACE_US = 40 * SECOND_US
TOLERATION_US = 300 * SECOND_US


def initial_status(manifest: Manifest) -> NodeStatus:
    """The status of a node that has just joined; allocatable defaults to 8 cores and 32 GiB."""
    declared = manifest.get("status") or {}
    room = declared.get("allocatable") or declared.get("capacity") or {}
    cpu, memory = quantity.millicores(room.get("cpu", 8)), quantity.mib(room.get("memory", "32Gi"))
    return NodeStatus(capacity_millicores=cpu, capacity_mib=memory)


@handler("node.crash")
def crash(world: World, name: str) -> None:
    """The node stops answering: its pods serve nobody, the control plane learns of it 40 s later."""
    _set(world, name, heartbeat=False)
    world.schedule(GRACE_US, "node.missed", name)


@handler("node.restore")
def restore(world: World, name: str) -> None:
    """The node is back: stuck pods go, the others serve again."""
    _set(world, name, heartbeat=True, ready=True)
    for pod in world.store.on_node(name):
        if pod.deleting:
            world.schedule(0, "kubelet.terminated", pod.key, pod.uid)
        else:
            world.schedule(world.draw(str(pod.key), "sync", SECOND_US, 3 * SECOND_US), "kubelet.sync", pod.key, pod.uid)


@handler("node.missed")
def missed(world: World, name: str) -> None:
    if world.node_alive(name):
        return
    _set(world, name, ready=False)
    emit(
        world,
        ObjectKey("Node", "", name),
        "NodeNotReady",
        f"Node {name} status is now: NodeNotReady",
        warning=True,
    )
    for pod in world.store.on_node(name):
        pods.update(world, pod, ready=False)
    world.schedule(TOLERATION_US, "node.evict", name)


@handler("node.evict")
def evict(world: World, name: str) -> None:
    if world.node_alive(name):
        return
    for pod in world.store.on_node(name):
        if taints.outlasts(pod, taints.UNREACHABLE):
            continue
        emit(
            world,
            pod.key,
            "TaintManagerEviction",
            f"Marking for deletion Pod {pod.key.namespace}/{pod.key.name}",
        )
        pods.terminate(world, pod.key)


def _set(world: World, name: str, **changes: Any) -> None:
    node = world.store.get(ObjectKey("Node", "", name))
    if node is None:
        return
    if changes.get("ready", node.status.ready) != node.status.ready:
        changes["since_us"] = world.now_us
    world.store.report(node.key, msgspec.structs.replace(node.status, **changes))
