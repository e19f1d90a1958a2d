"""Requests against what a node can give.

Follows kubernetes.io/docs/concepts/configuration/manage-resources-containers ("How Pods with resource requests are
scheduled") and, for resources beside CPU and memory, "Extended resources". A node that declares no limit on the number
of pods or on ephemeral storage has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any, NamedTuple

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal
from stratus_sim.cluster.specs import extended, requested_mib, requested_millicores
from stratus_sim.manifests import quantity

_UNLIMITED = frozenset({"ephemeral-storage", "pods"})


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    """All resources there is too little of; final where even an empty node has too little."""
    status = node.status
    millicores, memory_mib = (attempt.millicores, attempt.memory_mib)
    used_millicores, used_mib = status.millicores, status.memory_mib
    if attempt.gone or attempt.memory.nominated:
        used_millicores, used_mib = _used(attempt, node)
    asked = attempt.prepared(_extended)
    short = list(_others(attempt, node)) if asked or node.manifest.get("status") else []
    if millicores and used_millicores + millicores > status.capacity_millicores:
        short.append(("Insufficient cpu", millicores > status.capacity_millicores))
    if memory_mib and used_mib + memory_mib > status.capacity_mib:
        short.append(("Insufficient memory", memory_mib > status.capacity_mib))
    return Refusal(tuple(reason for reason, _ in short), any(final for _, final in short)) if short else None


def _used(attempt: Attempt, node: Resource) -> tuple[int, int]:
    """What is requested on a node, in millicores and MiB, without those gone and with those on their way."""
    leaving = [pod for pod in attempt.world.store.on_node(node.key.name) if pod.key in attempt.gone]
    coming = attempt.nominated(node.key.name)
    signed = [*((pod.spec, -1) for pod in leaving), *((pod.spec, 1) for pod in coming)]
    millicores = node.status.millicores + sum(sign * requested_millicores(spec) for spec, sign in signed)
    return millicores, node.status.memory_mib + sum(sign * requested_mib(spec) for spec, sign in signed)


def _others(attempt: Attempt, node: Resource) -> Iterator[tuple[str, bool]]:
    for name, found in amounts(attempt, node):
        if found.used + found.asked > found.room:
            many = "Too many pods" if name == "pods" else f"Insufficient {name}"
            yield many, name != "pods" and found.asked > found.room


class Amounts(NamedTuple):
    """What a pod asks of a resource, what others have of it, and how much of it there is, in base units."""

    asked: Fraction
    used: Fraction
    room: Fraction | float


def amounts(attempt: Attempt, node: Resource) -> Iterator[tuple[str, Amounts]]:
    """The resources beside CPU and memory that a pod asks of a node, by name; its place among the pods is one."""
    status = node.manifest.get("status") or {}
    room = status.get("allocatable") or status.get("capacity") or {}
    if "pods" in room:
        there = len(attempt.pods_on(node.key.name))
        yield "pods", Amounts(Fraction(1), Fraction(there), quantity.amount(room["pods"]))
    for name, wanted in attempt.prepared(_extended).items():
        used = sum((extended(pod.spec).get(name, Fraction(0)) for pod in attempt.pods_on(node.key.name)), Fraction(0))
        yield name, Amounts(wanted, used, _limit(room, name))


def _extended(attempt: Attempt) -> dict[str, Fraction]:
    return extended(attempt.pod.spec)


def _limit(room: Any, name: str) -> Fraction | float:
    return quantity.amount(room[name]) if name in room else inf if name in _UNLIMITED else 0
