"""Evictions: which pods may leave, and which have to when a node is emptied.

Follows kubernetes.io/docs/tasks/run-application/configure-pdb ("How disruption budgets work", "Unhealthy Pod Eviction
Policy"), kubernetes.io/docs/concepts/scheduling-eviction/api-eviction and
kubernetes.io/docs/tasks/administer-cluster/safely-drain-node. Budgets are worked out when somebody asks, from the pods
there are at that instant: no count can be out of date, and a budget nobody asks about costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import pods, selectors
from stratus_sim.cluster.admission.registry import grouped
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads.bounds import portion, wanted

if TYPE_CHECKING:
    from stratus_sim.world import World

_SCALED = frozenset({"Deployment", "ReplicaSet", "StatefulSet"})


class Disruption(NamedTuple):
    """The status of a PodDisruptionBudget, in pods; `problem` is why it cannot be worked out."""

    expected: int
    desired: int
    healthy: int
    allowed: int
    problem: str = ""


def movable(world: World, node: ObjectKey) -> list[Resource]:
    """The pods a drain of the node evicts: all that are there to stay, without those of DaemonSets."""
    found = [pod for pod in world.store.on_node(node.name) if pods.active(pod)]
    return [pod for pod in found if pod.owner is None or pod.owner.kind != "DaemonSet"]


def disruption(world: World, budget: Resource, gone: Collection[ObjectKey] = ()) -> Disruption:
    """How much a budget allows now, were the pods in `gone` already on their way out.

    A share, or maxUnavailable, counts from what the owners want; nothing is allowed where one of them has no scale.
    """
    spec = budget.spec
    covered = selectors.matching(world, budget.key.namespace, spec.selector) if spec.selector is not None else []
    healthy = sum(pod.status.ready and not pod.deleting and pod.key not in gone for pod in covered)
    by_scale = spec.max_unavailable is not None or isinstance(spec.min_available, str)
    owners = _owners(world, covered) if by_scale else []
    if unscaled := next((owner.key.kind for owner in owners if owner.key.kind not in _SCALED), ""):
        return Disruption(0, 0, healthy, 0, f"{grouped(unscaled)} does not implement the scale subresource")
    scale = sum(map(wanted, owners))
    if spec.max_unavailable is not None:
        expected, desired = scale, max(0, scale - portion(spec.max_unavailable, scale, up=True))
    elif by_scale:
        expected, desired = scale, portion(spec.min_available, scale, up=True)
    else:
        expected, desired = (0, 0) if spec.min_available is None else (len(covered), spec.min_available)
    return Disruption(expected, desired, healthy, max(0, healthy - desired) if expected else 0)


def refusal(world: World, leaving: Iterable[Resource]) -> str:
    """The disruption budget that does not let these pods be evicted one after the other; "" when they may.

    A pod under two budgets is refused under both names, as the eviction API serves no more than one.
    """
    gone: set[ObjectKey] = set()
    for pod in leaving:
        if barrier := _barrier(world, pod, gone):
            return barrier
        gone.add(pod.key)
    return ""


def allowed(world: World, leaving: Iterable[Resource]) -> list[Resource]:
    """Those of these pods that may be evicted now, each after the ones before it; the others are told to wait (429)."""
    gone: dict[ObjectKey, Resource] = {}
    for pod in leaving:
        if not _barrier(world, pod, gone):
            gone[pod.key] = pod
    return list(gone.values())


def _barrier(world: World, pod: Resource, gone: Collection[ObjectKey]) -> str:
    if not pods.active(pod) or pod.status.phase != "Running":
        return ""
    budgets = covering(world, pod)
    if len(budgets) != 1:
        return ", ".join(budget.key.name for budget in budgets)
    found, spec = disruption(world, budgets[0], gone), budgets[0].spec
    if not pod.status.ready:
        enough = 0 < found.desired <= found.healthy
        if enough or spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
            return ""
    return "" if found.allowed else budgets[0].key.name


def covering(world: World, pod: Resource) -> list[Resource]:
    """The budgets that count a pod."""
    if not world.store.has("PodDisruptionBudget"):
        return []
    found = world.store.list("PodDisruptionBudget", pod.key.namespace)
    return [b for b in found if b.spec.selector is not None and selectors.matches(b.spec.selector, pod.labels)]


def _owners(world: World, covered: Iterable[Resource]) -> list[Resource]:
    """The workloads pods belong to."""
    roots = dict.fromkeys(pods.root_owner(world, pod) for pod in covered if pod.owner is not None)
    owners = [world.store.get(root) for root in roots if root is not None]
    return [owner for owner in owners if owner is not None]
