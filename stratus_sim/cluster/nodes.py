"""Node lifecycle: a silent node is unreachable after 50 s, and loses its pods when they tolerate that no longer.

Follows kubernetes.io/docs/concepts/architecture/nodes ("Node heartbeats"). Whether pods are evicted is `zones`' matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import pods, taint_eviction, zones
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.specs import requested_mib, requested_millicores, weighed
from stratus_sim.cluster.status import NodeStatus
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests import quantity

if TYPE_CHECKING:
    from stratus_sim.world import World

GRACE_US = 50 * SECOND_US
"""`--node-monitor-grace-period` of kube-controller-manager, since 1.32."""


def initial_status(manifest: Manifest, present: Iterable[Resource] = ()) -> NodeStatus:
    """The status of a node that has just joined with pods `present`; allocatable defaults to 8 cores and 32 GiB."""
    declared = manifest.get("status") or {}
    room = declared.get("allocatable") or declared.get("capacity") or {}
    cpu, memory = quantity.millicores(room.get("cpu", 8)), quantity.mib(room.get("memory", "32Gi"))
    specs = [pod.spec for pod in present if not pods.ended(pod)]
    return NodeStatus(
        millicores=sum(map(requested_millicores, specs)),
        memory_mib=sum(map(requested_mib, specs)),
        weight=(sum([weighed(spec)[0] for spec in specs]), sum([weighed(spec)[1] for spec in specs])),
        capacity_millicores=cpu,
        capacity_mib=memory,
    )


def allocatable(node: Resource) -> dict[str, Any]:
    """What a node has to give its pods, as quantities by name: what it declares, CPU and memory in any case."""
    declared, status = node.manifest.get("status") or {}, node.status
    room = {"cpu": f"{status.capacity_millicores}m", "memory": f"{status.capacity_mib}Mi"}
    return {**(declared.get("allocatable") or declared.get("capacity") or {}), **room}


def address(node: Resource) -> str:
    """The address a node declares, else one of its own in 10.0.0.0/16."""
    declared = (node.manifest.get("status") or {}).get("addresses") or ()
    own = f"10.0.{node.uid // 256 % 256}.{node.uid % 256}"
    return next((str(a["address"]) for a in declared if a.get("type") == "InternalIP"), own)


@handler("node.crash")
def crash(world: World, name: str) -> None:
    """The node stops answering: its pods serve nobody, the control plane learns of it 50 s later."""
    if world.node_alive(name):
        _set(world, name, heartbeat=False, silent_us=world.now_us)
        world.schedule(GRACE_US, "node.missed", name)


@handler("node.restore")
def restore(world: World, name: str) -> None:
    """The node is back: stuck pods go, the others serve again."""
    node = world.store.get(ObjectKey("Node", "", name))
    if node is not None and not node.status.ready:
        emit(world, node.key, "NodeReady", f"Node {name} status is now: NodeReady")
    if node is not None and node.status.evicting_us is not None:
        taint_eviction.call_off(world, name)
    _set(world, name, heartbeat=True, ready=True, evicting_us=None)
    begin_anew(world, name)


def begin_anew(world: World, name: str) -> None:
    """Have the kubelet of a node that has started anew see to its pods: end who was told to, start the others again."""
    for pod in world.store.on_node(name):
        if pod.deleting:
            world.schedule(0, "kubelet.terminated", pod.key, pod.uid)
        else:
            delay_us = world.draw(str(pod.key), "sync", SECOND_US, 3 * SECOND_US)
            world.schedule(delay_us, "kubelet.resume", pod.key, pod.uid)


@handler("node.missed")
def missed(world: World, name: str) -> None:
    node = world.store.get(ObjectKey("Node", "", name))
    if node is None or node.status.heartbeat or world.now_us - node.status.silent_us < GRACE_US:
        return  # it is back, or gone again since
    _set(world, name, ready=False)
    emit(
        world,
        ObjectKey("Node", "", name),
        "NodeNotReady",
        f"Node {name} status is now: NodeNotReady",
    )
    for pod in world.store.on_node(name):
        if pod.status.ready:
            pods.update(world, pod, ready=False)
            emit(world, pod.key, "NodeNotReady", "Node is not ready", warning=True)


def _set(world: World, name: str, **changes: Any) -> None:
    node = world.store.get(ObjectKey("Node", "", name))
    if node is None:
        return
    if changes.get("ready", node.status.ready) != node.status.ready:
        changes["since_us"] = world.now_us
        zones.note(world, name, lost=not changes["ready"])
    world.store.report(node.key, msgspec.structs.replace(node.status, **changes))
