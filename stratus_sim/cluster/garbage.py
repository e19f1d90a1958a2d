"""Deletion: finalizers, and what becomes of the objects a deleted one owned.

Follows kubernetes.io/docs/concepts/architecture/garbage-collection ("Cascading deletion", "Orphaned dependents") and
kubernetes.io/docs/concepts/overview/working-with-objects/finalizers. Owners are known by kind and name. What
controllers here made has one owner; what a user wrote may name several, and goes with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, finalizers_of, referred_by
from stratus_sim.cluster.watching import REMOVALS, watches
from stratus_sim.cluster.workloads import claims
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

Propagation = Literal["Background", "Foreground", "Orphan"]
FOREGROUND = "foregroundDeletion"


def discard(world: World, found: Resource, propagation: Propagation = "Background") -> None:
    """Delete an object: pods end gracefully, namespaces empty first, finalizers are waited for."""
    if propagation == "Orphan":
        _let_go(world, found.key)
    if found.key.kind == "Namespace":
        _empty(world, found.key)
    elif found.key.kind == "Pod":
        pods.terminate(world, found.key)
    elif propagation == "Foreground" and _followers(world, found):
        _discard_after_others(world, found)
    else:
        world.store.remove(found.key)


def check(world: World, new: Resource) -> None:
    """Collect an object that names owners none of which is there."""
    if new.owner is None and _abandoned(world, new):
        world.enqueue("garbage", (new.key, new.uid))


def proceed(world: World, changed: Resource) -> None:
    """Go on with the deletion of an object whose last finalizer has just been taken off."""
    if not changed.deleting or finalizers_of(changed.manifest):
        return
    if changed.key.kind == "Namespace":
        _empty(world, changed.key)
    elif changed.key.kind == "Pod":
        pods.end(world, changed)
    else:
        world.store.remove(changed.key)


@watches(REMOVALS)
def on_removal(world: World, old: Resource | None, _new: Resource | None) -> None:
    """What the object owned goes too; an owner that waited for it may go now."""
    assert old is not None  # noqa: S101  # it was removed
    for child in _followers(world, old):
        if child.owner is not None or _abandoned(world, child):
            world.enqueue("garbage", (child.key, child.uid))
    for key in (old.owner,) if old.owner else referred_by(old.manifest):
        owner = world.store.get(key)
        if owner is not None and owner.deleting and not _followers(world, owner):
            _release(world, owner)


@handler("garbage")
def collect(world: World, orphan: tuple[ObjectKey, int]) -> None:
    """The owner is gone for good, even where another object has taken its name by now."""
    child = world.store.get(orphan[0])
    if child is not None and child.uid == orphan[1]:
        owners = (child.owner,) if child.owner else referred_by(child.manifest)
        discard(world, child, "Foreground" if any(map(world.store.get, owners)) else "Background")


def _followers(world: World, owner: Resource) -> list[Resource]:
    owned = [child for child in world.store.owned(owner.key) if not claims.survives(owner, child.key)]
    return [*owned, *world.store.referring(owner.key)]


def _abandoned(world: World, child: Resource) -> bool:
    owners = referred_by(child.manifest)
    return bool(owners) and not any(map(world.store.get, owners))


def _let_go(world: World, owner: ObjectKey) -> None:
    """Leave what an object owns to itself."""
    for key in list(world.store.owned_keys(owner)):
        world.store.disown(key)
    for child in world.store.referring(owner):
        named = [(one, _with(child.manifest, "ownerReferences", [one])) for one in _references(child)]
        others = [one for one, alone in named if owner not in referred_by(alone)]
        world.store.configure(child.key, _with(child.manifest, "ownerReferences", others))


def _discard_after_others(world: World, owner: Resource) -> None:
    """An owner deleted in the foreground stays, marked, until all it owned is gone."""
    if FOREGROUND not in finalizers_of(owner.manifest):
        finalizers = [*finalizers_of(owner.manifest), FOREGROUND]
        world.store.configure(owner.key, _with(owner.manifest, "finalizers", finalizers))
    world.store.mark_deleting(owner.key)
    for child in _followers(world, owner):
        world.enqueue("garbage", (child.key, child.uid))


def _release(world: World, owner: Resource) -> None:
    finalizers = finalizers_of(owner.manifest)
    if FOREGROUND in finalizers:
        left = [one for one in finalizers if one != FOREGROUND]
        proceed(world, world.store.configure(owner.key, _with(owner.manifest, "finalizers", left)))


def _references(child: Resource) -> list[Any]:
    references: list[Any] = child.manifest["metadata"]["ownerReferences"]
    return references


def _empty(world: World, namespace: ObjectKey) -> None:
    """Delete what is in a namespace, and the namespace once nothing is."""
    world.store.mark_deleting(namespace)
    for found in world.store.within(namespace.name):
        if not found.deleting:
            discard(world, found)
    if not world.store.within(namespace.name):
        world.store.remove(namespace)


def _with(manifest: Manifest, field: str, value: list[Any]) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], field: value}}
