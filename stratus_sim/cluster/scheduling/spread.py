"""Topology spread: pods of a kind evenly over domains.

Follows kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints (`maxSkew`, `minDomains`,
`nodeAffinityPolicy`, `nodeTaintsPolicy`, `matchLabelKeys`).
"""

from __future__ import annotations

from collections import Counter
from math import log

from stratus_sim.cluster import selectors
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling import node_affinity, node_taints
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.scheduling.interpod import narrowed
from stratus_sim.manifests.pod_shapes import PodSpec
from stratus_sim.manifests.scheduling_shapes import SpreadConstraint
from stratus_sim.manifests.selector_shapes import LabelSelector

_UNEVEN = "node(s) didn't match pod topology spread constraints"
_REFUSED = Refusal((_UNEVEN,))
_UNLABELLED = Refusal((f"{_UNEVEN} (missing required label)",), final=True)

Counts = Counter[str]
"""Matching pods by value of a topology key; a domain without any has 0."""


def constraints(pod: PodSpec, *, hard: bool) -> list[SpreadConstraint]:
    """The constraints that forbid a node (DoNotSchedule), or those that only count in its score."""
    wanted = "DoNotSchedule" if hard else "ScheduleAnyway"
    return [c for c in pod.topology_spread_constraints or () if c.when_unsatisfiable == wanted]


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    for constraint, counts in attempt.prepared(_hard_counts):
        value = node.labels.get(constraint.topology_key)
        if value is None:
            return _UNLABELLED
        least = min(counts.values(), default=0) if len(counts) >= (constraint.min_domains or 1) else 0
        selector, own = _selector(attempt, constraint), attempt.pod.labels
        itself = selector is not None and selectors.matches(selector, own)
        if counts[value] + itself - least > constraint.max_skew:
            return _REFUSED
    return None


def score(attempt: Attempt, node: Resource) -> int:
    """How crowded a node's domains are, in thousandths of a pod; the more domains, the dearer a pod in one."""
    total = 0
    for constraint, counts in attempt.prepared(_soft_counts):
        value = node.labels.get(constraint.topology_key)
        weight = round(1000 * log(len(counts) + 2))
        total += counts[value] * weight + 1000 * (constraint.max_skew - 1) if value is not None else 0
    return total


def _hard_counts(attempt: Attempt) -> list[tuple[SpreadConstraint, Counts]]:
    return _counts(attempt, constraints(attempt.pod.spec, hard=True))


def _soft_counts(attempt: Attempt) -> list[tuple[SpreadConstraint, Counts]]:
    return _counts(attempt, constraints(attempt.pod.spec, hard=False))


def _counts(attempt: Attempt, wanted: list[SpreadConstraint]) -> list[tuple[SpreadConstraint, Counts]]:
    keys = {constraint.topology_key for constraint in wanted}
    nodes = [node for node in attempt.world.store.list("Node") if keys <= node.labels.keys()]
    return [(constraint, _count(attempt, constraint, nodes)) for constraint in wanted]


def _count(attempt: Attempt, constraint: SpreadConstraint, nodes: list[Resource]) -> Counts:
    key = constraint.topology_key
    there = {node.key.name: node.labels[key] for node in nodes if _eligible(attempt, constraint, node)}
    counts: Counts = Counter(dict.fromkeys(there.values(), 0))
    for pod, node in attempt.matching([attempt.pod.key.namespace], _selector(attempt, constraint)):
        if not pod.deleting and node.key.name in there:
            counts[there[node.key.name]] += 1
    return counts


def _eligible(attempt: Attempt, constraint: SpreadConstraint, node: Resource) -> bool:
    """Whether a node is one of those the pods are spread over."""
    if constraint.node_affinity_policy != "Ignore" and not node_affinity.matches(attempt.pod.spec, node):
        return False
    return constraint.node_taints_policy != "Honor" or not node_taints.refuse(attempt, node)


def _selector(attempt: Attempt, constraint: SpreadConstraint) -> LabelSelector | None:
    return narrowed(constraint.label_selector, attempt.pod, constraint.match_label_keys)
