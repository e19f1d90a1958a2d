"""Pods of one owner are spread over nodes and zones where they say nothing themselves.

Follows kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints ("Built-in default constraints").
Who belongs together is told by the owner, and of a large set nobody asks where it is: it lies spread as nodes fill up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import log

from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.scheduling.attempt import Attempt

LOOK = 16
"""How many nodes that fit are compared for the sake of this at most."""
_HOST, _ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
_DEFAULTS = {_HOST: 3, _ZONE: 5}
"""`maxSkew` by topology key."""
_LARGE = 100


def crowded(attempt: Attempt, node: Resource) -> bool:
    """Whether another pod of the same owner is on a node, or in its zone."""
    there = attempt.prepared(_by_node)
    return bool(there) and (node.key.name in there or node.labels.get(_ZONE) in attempt.prepared(_by_zone))


def score(attempt: Attempt, node: Resource) -> int:
    """How crowded a node and its zone are, in thousandths of a pod, weighed as `spread.score` does."""
    there = attempt.prepared(_by_node)
    if not there:
        return 0
    found, zones = _crowd(there.get(node.key.name, 0), LOOK, _HOST), attempt.prepared(_by_zone)
    return found + (_crowd(zones[node.labels[_ZONE]], len(zones) + 1, _ZONE) if _ZONE in node.labels else 0)


def _crowd(count: int, domains: int, key: str) -> int:
    return round(1000 * (count * log(domains + 2) + _DEFAULTS[key] - 1))


def _by_node(attempt: Attempt) -> Mapping[str, int]:
    pod, store = attempt.pod, attempt.world.store
    if pod.owner is None or pod.spec.topology_spread_constraints or store.standing(pod.owner)[0] > _LARGE:
        return {}
    there = (other for other in store.owned(pod.owner) if other.key.kind == "Pod" and attempt.counts(other))
    return Counter([other.status.node for other in there if other.status.node and not other.deleting])


def _by_zone(attempt: Attempt) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, count in attempt.prepared(_by_node).items():
        node = attempt.world.store.get(node_key(name))
        if node is not None and _ZONE in node.labels:
            counts[node.labels[_ZONE]] += count
    return counts
