"""Garbage collection: what a deleted owner owned goes too; so does all that is in a deleted namespace.

Follows kubernetes.io/docs/concepts/architecture/garbage-collection ("Background cascading deletion").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("Deployment", "ReplicaSet", "StatefulSet", "Service")
def on_owner(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is None and old is not None:
        for child in world.store.owned(old.key):
            world.enqueue("garbage", (child.key, child.uid))


@watches("Namespace")
def on_namespace(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is None and old is not None:
        for resource in world.store.everything():
            if resource.key.namespace == old.key.name:
                _discard(world, resource)


@handler("garbage")
def collect(world: World, orphan: tuple[ObjectKey, int]) -> None:
    """The owner is gone for good, even where another object has taken its name by now."""
    child = world.store.get(orphan[0])
    if child is not None and child.uid == orphan[1]:
        _discard(world, child)


def _discard(world: World, resource: Resource) -> None:
    if resource.key.kind == "Pod":
        pods.terminate(world, resource.key)
    else:
        world.store.remove(resource.key)
