"""What the store holds: objects, and indexes of sorted keys by a term that objects are looked up by."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from immutables import Map

from stratus_sim.cluster import ordered
from stratus_sim.cluster.objects import ObjectKey, Resource, referred_by
from stratus_sim.cluster.ordered import Ordered
from stratus_sim.cluster.status import PodStatus

Index = Map[Any, Ordered[ObjectKey]]


@dataclass(slots=True)
class StoreState:
    """Everything in the store. Values are immutable: a shallow copy is a snapshot.

    `standing` counts the pods of each owner: active ones, and ready ones among them; and the version that last changed
    these counts, or what a serving pod is like.
    """

    version: int = 0
    objects: Map[ObjectKey, Resource] = Map()
    by_kind: Index = Map()
    by_owner: Index = Map()
    by_reference: Index = Map()
    by_node: Index = Map()
    by_label: Index = Map()
    by_selector: Index = Map()
    standing: Map[ObjectKey, tuple[int, int, int]] = Map()

    def copy(self) -> StoreState:
        return copy.copy(self)


def kind(resource: Resource) -> tuple[Any, ...]:
    return (resource.key.kind,)


def owner(resource: Resource) -> tuple[Any, ...]:
    return (resource.owner,) if resource.owner else ()


def references(resource: Resource) -> tuple[Any, ...]:
    return () if resource.owner else referred_by(resource.manifest)


def node(resource: Resource) -> tuple[Any, ...]:
    status = resource.status
    return (status.node if isinstance(status, PodStatus) else "",)


def selector(service: Resource) -> tuple[Any, ...]:
    """One pair of the selector is enough to find the Service from a pod's labels."""
    selector = service.spec.selector
    return ((service.key.namespace, *min(selector.items())),) if selector else ()


def labels(resource: Resource) -> tuple[Any, ...]:
    return tuple((resource.key.namespace, k, v) for k, v in resource.labels.items())


def moved(
    index: Index, old: Resource | None, new: Resource | None, terms: Callable[[Resource], tuple[Any, ...]]
) -> Index:
    """An index by these terms after `old` has become `new`."""
    before, after = terms(old) if old else (), terms(new) if new else ()
    if before == after:
        return index
    for term in before:
        keys = ordered.remove(index[term], old.key)  # type: ignore[union-attr]
        index = index.set(term, keys) if keys else index.delete(term)
    for term in after:
        index = index.set(term, ordered.insert(index.get(term, ()), new.key))  # type: ignore[union-attr]
    return index
