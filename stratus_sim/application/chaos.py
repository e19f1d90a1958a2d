"""Network chaos as an object of the cluster: Chaos Mesh's `NetworkChaos`, action `partition`.

Source: chaos-mesh.org/docs/simulate-network-chaos-on-kubernetes. Who deletes the object ends the partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


class Side(NamedTuple):
    """The pods of some namespaces, of all where none is named, that have these labels."""

    namespaces: tuple[str, ...]
    labels: Mapping[str, str]

    def has(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return (not self.namespaces or namespace in self.namespaces) and self.labels.items() <= labels.items()


class Partition(NamedTuple):
    """Traffic from pods on the `source` side to pods on the `target` side is dropped."""

    source: Side
    target: Side


def partitions(world: World) -> list[Partition]:
    """The partitions in force, from the objects that cause them."""
    found = [_read(resource) for resource in world.store.list("NetworkChaos")]
    return [partition for pair in found for partition in pair]


def _read(resource: Resource) -> list[Partition]:
    spec: Mapping[str, Any] = resource.manifest.get("spec") or {}
    if spec.get("action") != "partition":
        return []
    source, target = _side(spec), _side(spec.get("target") or {})
    if not source.labels or not target.labels:
        return []
    forth, back = Partition(source, target), Partition(target, source)
    return {"from": [back], "both": [forth, back]}.get(str(spec.get("direction", "to")), [forth])


def _side(side: Mapping[str, Any]) -> Side:
    selector = side.get("selector") or {}
    return Side(tuple(selector.get("namespaces") or ()), selector.get("labelSelectors") or {})
