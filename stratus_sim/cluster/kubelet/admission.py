"""Pods that somebody else than the scheduler has put on a node (`spec.nodeName`): its kubelet takes or rejects them.

Follows kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node ("nodeName"),
kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction ("Node conditions") and the texts of
pkg.go.dev/k8s.io/kubernetes/pkg/kubelet/lifecycle (`PredicateAdmitHandler`): resources, affinity, host ports, NoExecute
taints. A pod of a DaemonSet has been through the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import orphans, pods, scheduler, taints
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.scheduling import host_ports, node_affinity
from stratus_sim.cluster.scheduling.attempt import Attempt
from stratus_sim.cluster.scheduling.resources import Amounts, amounts
from stratus_sim.cluster.specs import best_effort
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_MIB = 1 << 20


class Rejection(NamedTuple):
    """Why a kubelet does not take a pod: the reason of its status and of the Event, and what the Event says."""

    reason: str
    message: str


@handler("kubelet.admit")
def admit(world: World, key: ObjectKey, uid: int) -> None:
    """Take a pod that names its node, or reject it for good; a node that does not exist makes an orphan of it."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid or pod.deleting or pod.status.node:
        return
    node = world.store.get(node_key(pod.spec.node_name))
    found = rejection(world, pod, node) if node is not None and node.status.heartbeat else None
    if node is None:
        pods.update(world, pod, node=pod.spec.node_name, bound_us=world.now_us)
        orphans.look_later(world, pod.spec.node_name)
    elif found is None:
        scheduler.place(world, pod, node)
    else:
        emit(world, key, found.reason, found.message, warning=True)
        message = f"Pod was rejected: {found.message}"
        bound = {"node": node.key.name, "bound_us": world.now_us}
        pods.update(world, pod, **bound, phase="Failed", reason=found.reason, message=message)


def rejection(world: World, pod: Resource, node: Resource) -> Rejection | None:
    """Why the kubelet of a node does not take a pod, as it is now."""
    attempt = Attempt(world, pod)
    return next((found for check in _CHECKS if (found := check(attempt, node)) is not None), None)


def _pressed(attempt: Attempt, node: Resource) -> Rejection | None:
    words = [f"{word}Pressure" for word in sorted(node.status.pressure)]
    if not words or (words == ["MemoryPressure"] and not best_effort(attempt.pod.spec)):
        return None
    return Rejection("Evicted", f"The node had condition: [{', '.join(words)}]. ")


def _short(attempt: Attempt, node: Resource) -> Rejection | None:
    for name, found in _declared(attempt, node):
        if found.used + found.asked > found.room:
            numbers = f"requested: {found.asked}, used: {found.used}, capacity: {found.room}"
            return Rejection(f"OutOf{name}", f"Node didn't have enough resource: {name}, {numbers}")
    return None


def _declared(attempt: Attempt, node: Resource) -> Iterator[tuple[str, Amounts]]:
    """What a pod asks of a node by name, in units of its own; of a device no plugin has declared nobody keeps count."""
    status = node.status
    there = dict(amounts(attempt, node))
    if "pods" in there:
        yield "pods", there.pop("pods")
    yield "cpu", Amounts(Fraction(attempt.millicores), Fraction(status.millicores), status.capacity_millicores)
    asked, used = Fraction(attempt.memory_mib * _MIB), Fraction(status.memory_mib * _MIB)
    yield "memory", Amounts(asked, used, status.capacity_mib * _MIB)
    yield from ((name, found) for name, found in there.items() if found.room)


def _elsewhere(attempt: Attempt, node: Resource) -> Rejection | None:
    found = node_affinity.refuse(attempt, node)
    return None if found is None else _failed("NodeAffinity", found.reasons[0])


def _occupied(attempt: Attempt, node: Resource) -> Rejection | None:
    found = host_ports.refuse(attempt, node)
    return None if found is None else _failed("NodePorts", found.reasons[0])


def _repelled(attempt: Attempt, node: Resource) -> Rejection | None:
    if not taints.untolerated(node.manifest, attempt.pod, "NoExecute"):
        return None
    return _failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")


def _failed(predicate: str, reason: str) -> Rejection:
    return Rejection(predicate, f"Predicate {predicate} failed: {reason}")


_CHECKS: tuple[Callable[[Attempt, Resource], Rejection | None], ...] = (
    _pressed, _short, _elsewhere, _occupied, _repelled,
)  # fmt: skip
