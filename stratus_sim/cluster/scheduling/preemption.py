"""Pre-emption: pods of lower priority that leave a node so that a pod of higher priority fits.

Follows kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption: as few victims as possible, disruption
budgets are kept where possible, and no pod of equal or higher priority is ever taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stratus_sim.cluster import eviction, pods, priority
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling import filters, reasons
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal

_OFFSET = 1 << 31
"""Makes priorities positive, so that a sum of them grows with each victim."""


class Candidate(NamedTuple):
    """A node, the pods that would have to leave it, the most important first, and how many of them a budget holds."""

    node: Resource
    victims: Sequence[Resource]
    violations: int


def attempt_preemption(attempt: Attempt, refused: Mapping[str, Refusal]) -> tuple[Candidate | None, str]:
    """(the node to make room on, or None; why none, in kube-scheduler's words).

    `refused` has the refusal of every node, in the order of preference.
    """
    barrier = _ineligible(attempt, refused)
    if barrier:
        return None, barrier
    hopeful = [name for name, refusal in refused.items() if not refusal.final]
    found = {name: _candidate(attempt, name) for name in hopeful}
    candidates = [entry for entry in found.values() if isinstance(entry, Candidate)]
    if candidates:
        return min(candidates, key=_cost), ""
    told = [entry for entry in found.values() if isinstance(entry, Refusal)]
    return None, reasons.fit_error(len(refused), [*told, *[reasons.NOT_HELPFUL] * (len(refused) - len(told))])


def _ineligible(attempt: Attempt, refused: Mapping[str, Refusal]) -> str:
    """Why a pod may not take others off their node: it never may, or room is being made for it already."""
    spec = attempt.pod.spec
    if not priority.may_preempt(spec):
        return reasons.NEVER
    name = attempt.memory.nominated.get(attempt.pod.key, "")
    if not name or name not in refused or refused[name].final:
        return ""
    leaving = (pod for pod in attempt.world.store.on_node(name) if pod.deleting)
    return reasons.TERMINATING if any(_below(pod, attempt) for pod in leaving) else ""


def _candidate(attempt: Attempt, name: str) -> Candidate | Refusal:
    """The fewest pods that would have to leave a node; a refusal where even all of lower priority are not enough."""
    node = attempt.world.store.get(ObjectKey("Node", "", name))
    lower = _lower(attempt, name)
    if node is None or not lower:
        return reasons.NO_VICTIMS
    refusal = _without(attempt, node, lower)
    if refusal is not None:
        return refusal
    costly = _violating(attempt, lower)
    gone = dict.fromkeys(pod.key for pod in lower)
    for pod in sorted(lower, key=lambda pod: pod.key not in costly):
        rest = [other for other in lower if other.key in gone and other is not pod]
        if _without(attempt, node, rest) is None:
            del gone[pod.key]
    victims = [pod for pod in lower if pod.key in gone]
    return Candidate(node, victims, sum(pod.key in costly for pod in victims))


def _lower(attempt: Attempt, name: str) -> list[Resource]:
    """The pods of lower priority on a node, the most important first."""
    if priority.value(attempt.pod.spec) <= 0 and not attempt.world.store.has("PriorityClass"):
        return []
    there = attempt.world.store.on_node(name)
    lower = [pod for pod in there if not pods.ended(pod) and _below(pod, attempt)]
    return sorted(lower, key=lambda pod: (-priority.value(pod.spec), pod.created_us, pod.uid))


def _below(pod: Resource, attempt: Attempt) -> bool:
    return priority.value(pod.spec) < priority.value(attempt.pod.spec)


def _without(attempt: Attempt, node: Resource, gone: Sequence[Resource]) -> Refusal | None:
    keys = attempt.gone.union(pod.key for pod in gone)
    return filters.refuse(Attempt(attempt.world, attempt.pod, keys), node)


def _violating(attempt: Attempt, lower: Sequence[Resource]) -> set[ObjectKey]:
    """The pods whose eviction, one after the other, would leave a disruption budget with less than it wants."""
    asked: Counter[ObjectKey] = Counter()
    found = set()
    for pod in lower:
        budgets = [] if pod.deleting else eviction.covering(attempt.world, pod)
        asked.update(budget.key for budget in budgets)
        if any(asked[b.key] > eviction.disruption(attempt.world, b).allowed for b in budgets):
            found.add(pod.key)
    return found


def _cost(candidate: Candidate) -> tuple[int, ...]:
    """What makes one node worse than another: budgets, importance, number and age of the victims, in this order."""
    values = [priority.value(pod.spec) for pod in candidate.victims]
    top = max(values, default=0)
    oldest = min((pod.created_us for pod in _at(candidate, top)), default=0)
    return candidate.violations, top, sum(value + _OFFSET for value in values), len(values), -oldest


def _at(candidate: Candidate, value: int) -> Iterator[Resource]:
    return (pod for pod in candidate.victims if priority.value(pod.spec) == value)
