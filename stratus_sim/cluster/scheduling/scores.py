"""Which of the nodes that would take a pod it goes to.

Follows kubernetes.io/docs/reference/scheduling/config: each preference is brought to 0..100 over the nodes in question
and counts by the weight of its plugin in the default profile. Pods without a preference go to the emptiest node that
has none of their kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling import interpod, node_affinity, node_taints, siblings, spread
from stratus_sim.cluster.scheduling.attempt import Attempt

_TAINTS, _AFFINITY, _SPREAD, _PODS, _ROOM = 3, 2, 2, 2, 1
_BEST = 100


def load(node: Resource) -> tuple[int, str]:
    """Share of the fuller resource that counts as taken, in permille, then the name."""
    status = node.status
    millicores, memory_mib = status.weight
    cpu = 1000 * millicores // max(1, status.capacity_millicores)
    return max(cpu, 1000 * memory_mib // max(1, status.capacity_mib)), node.key.name


def decides(attempt: Attempt, node: Resource, seen: int) -> bool:
    """Whether another node than this one, the emptiest that fits after those `seen`, could be better for a pod."""
    if node.spec.taints and node_taints.preferably_not(attempt, node):
        return True
    if not attempt.plain and attempt.prepared(_prefers):
        return True
    return seen < siblings.LOOK and siblings.crowded(attempt, node)


def _prefers(attempt: Attempt) -> bool:
    spec = attempt.pod.spec
    if spread.constraints(spec, hard=False) or any(interpod.welcomes(pod.spec) for pod, _ in attempt.related()):
        return True
    nodes = spec.affinity and spec.affinity.node_affinity
    return spec.affinity is not None and (bool(nodes and nodes.preferred) or interpod.prefers(spec))


def best(attempt: Attempt, nodes: Sequence[Resource]) -> Resource | None:
    """The node with the highest score, the first of equals; None of none."""
    if len(nodes) < 2:
        return nodes[0] if nodes else None
    parts = (
        (_TAINTS, _fewest([node_taints.preferably_not(attempt, node) for node in nodes])),
        (_AFFINITY, _most([node_affinity.score(attempt, node) for node in nodes])),
        (_SPREAD, _evenest([spread.score(attempt, node) + siblings.score(attempt, node) for node in nodes])),
        (_PODS, _between([interpod.score(attempt, node) for node in nodes])),
        (_ROOM, [_BEST - load(node)[0] // 10 for node in nodes]),
    )
    totals = [sum(weight * values[i] for weight, values in parts) for i in range(len(nodes))]
    return nodes[totals.index(max(totals))]


def _most(values: list[int]) -> list[int]:
    top = max(values)
    return [_BEST * value // top if top else 0 for value in values]


def _fewest(values: list[int]) -> list[int]:
    top = max(values)
    return [_BEST - (_BEST * value // top if top else 0) for value in values]


def _evenest(values: list[int]) -> list[int]:
    low, top = min(values), max(values)
    return [_BEST * (top + low - value) // top if top else _BEST for value in values]


def _between(values: list[int]) -> list[int]:
    low, top = min(values), max(values)
    return [_BEST * (value - low) // (top - low) if top > low else 0 for value in values]
