"""One attempt to place a pod: what filters and scores ask about it, worked out once and not once a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from stratus_sim.cluster import ordered, pods, priority, selectors
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling.memory import Memory
from stratus_sim.cluster.specs import requested_mib, requested_millicores
from stratus_sim.manifests.selector_shapes import LabelSelector

if TYPE_CHECKING:
    from stratus_sim.world import World

T = TypeVar("T")
Domain = tuple[str, str]
"""A topology key and the value that the nodes of one domain have for it."""


class Refusal(NamedTuple):
    """Why a node does not take a pod; `final` when taking other pods off the node would not help."""

    reasons: tuple[str, ...]
    final: bool = False


class Attempt:
    """A pod that looks for a node, as if the pods in `gone` had left already. It lasts for one decision.

    `plain` says that neither the pod nor others it could meet have wishes about where it goes.
    """

    __slots__ = ("_prepared", "gone", "memory", "memory_mib", "millicores", "plain", "pod", "world")

    def __init__(self, world: World, pod: Resource, gone: frozenset[ObjectKey] = frozenset()) -> None:
        self.world, self.pod, self.gone = world, pod, gone
        self.memory: Memory = world.cluster.scheduling
        self.millicores, self.memory_mib = requested_millicores(pod.spec), requested_mib(pod.spec)
        spec, related = pod.spec, self.memory.related
        self.plain = spec.affinity is None and not spec.topology_spread_constraints and not related
        self._prepared: dict[Callable[[Attempt], Any], Any] = {}

    def prepared(self, prepare: Callable[[Attempt], T]) -> T:
        """What a filter or a score works out once for all nodes."""
        if prepare not in self._prepared:
            self._prepared[prepare] = prepare(self)
        found: T = self._prepared[prepare]
        return found

    def counts(self, pod: Resource) -> bool:
        """Whether a pod is there as far as this attempt is concerned."""
        return pod.key not in self.gone and pod.key != self.pod.key and not pods.ended(pod)

    def pods_on(self, node: str) -> list[Resource]:
        """The pods that hold something on a node: those bound to it, and those others made room for."""
        bound = [pod for pod in self.world.store.on_node(node) if self.counts(pod)]
        return [*bound, *self.nominated(node)]

    def nominated(self, node: str) -> list[Resource]:
        """The pods of at least this one's priority that wait for a node to become free for them."""
        nominated = self.memory.nominated
        if not nominated:
            return []
        waiting = (self.world.store.get(key) for key in sorted(nominated) if nominated[key] == node)
        least = priority.value(self.pod.spec)
        return [p for p in waiting if p is not None and self.counts(p) and priority.value(p.spec) >= least]

    def matching(self, namespaces: Iterable[str], selector: LabelSelector | None) -> list[tuple[Resource, Resource]]:
        """The pods on nodes that a selector matches, each with its node; none for no selector."""
        if selector is None:
            return []
        found = (pod for name in namespaces for pod in selectors.matching(self.world, name, selector))
        return [(pod, node) for pod in found if self.counts(pod) and (node := self.node_of(pod)) is not None]

    def node_of(self, pod: Resource) -> Resource | None:
        return self.world.store.get(ObjectKey("Node", "", pod.status.node))

    def related(self) -> list[tuple[Resource, Resource]]:
        """The pods on nodes with inter-pod terms of their own, each with its node."""
        return self.prepared(_related)


def _related(attempt: Attempt) -> list[tuple[Resource, Resource]]:
    keys = ordered.entries(attempt.memory.related)
    found = [pod for key in keys if (pod := attempt.world.store.get(key)) is not None and attempt.counts(pod)]
    return [(pod, node) for pod in found if (node := attempt.node_of(pod)) is not None]
