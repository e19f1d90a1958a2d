"""Network chaos as an object of the cluster: Chaos Mesh's `NetworkChaos`, action `partition`.

Source: chaos-mesh.org/docs/simulate-network-chaos-on-kubernetes. Who deletes the object ends the partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster.objects import Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


class Partition(NamedTuple):
    """Traffic from pods with `source` labels to pods with `target` labels is dropped."""

    source: Mapping[str, str]
    target: Mapping[str, str]

    def cuts(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        return self.source.items() <= source.items() and self.target.items() <= target.items()


def partitions(world: World) -> list[Partition]:
    """The partitions in force, from the objects that cause them."""
    found = [_read(resource) for resource in world.store.list("NetworkChaos")]
    return [partition for pair in found for partition in pair]


def _read(resource: Resource) -> list[Partition]:
    spec: Mapping[str, Any] = resource.manifest.get("spec") or {}
    if spec.get("action") != "partition":
        return []
    source, target = _labels(spec), _labels(spec.get("target") or {})
    if not source or not target:
        return []
    forth, back = Partition(source, target), Partition(target, source)
    return {"from": [back], "both": [forth, back]}.get(str(spec.get("direction", "to")), [forth])


def _labels(side: Mapping[str, Any]) -> Mapping[str, str]:
    return (side.get("selector") or {}).get("labelSelectors") or {}
