"""Deletion: finalizers, and what becomes of the objects a deleted one owned.

Follows kubernetes.io/docs/concepts/architecture/garbage-collection ("Cascading deletion", "Orphaned dependents") and
kubernetes.io/docs/concepts/overview/working-with-objects/finalizers. Owners are known by kind and name. What
controllers here made has one owner, whose deletion it blocks; what a user wrote may name several, goes with the last of
them, and blocks those it says it does (`blockOwnerDeletion`). A circle of such references is stored as it is written,
and goes as a whole. An object of no namespace cannot be owned by one of a namespace: such a reference is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from stratus_sim.cluster import pods, volumes_protection
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, finalizers_of, referred_by
from stratus_sim.cluster.watching import REMOVALS, watches
from stratus_sim.kernel import handler
from stratus_sim.manifests.kinds import NAMESPACED

if TYPE_CHECKING:
    from stratus_sim.world import World

Propagation = Literal["Background", "Foreground", "Orphan"]
FOREGROUND = "foregroundDeletion"


def discard(world: World, found: Resource, propagation: Propagation = "Background") -> None:
    """Delete an object: pods end gracefully, namespaces empty first, finalizers are waited for.

    Who says otherwise of one that waits for what it owns is heard: it waits no longer.
    """
    if propagation == "Orphan":
        world.store.mark_deleting(found.key)  # or it would take in again what it lets go
        _let_go(world, found.key)
    if found.key.kind == "Namespace":
        _empty(world, found.key)
    elif found.key.kind == "Pod":
        pods.terminate(world, found.key)
    elif propagation == "Foreground" and _blocking(world, found.key):
        _discard_after_others(world, found)
    elif volumes_protection.used(world, found):
        _hold(world, found, volumes_protection.FINALIZERS[found.key.kind])
    else:
        world.store.remove(_freed(world, _unprotected(world, found), FOREGROUND).key)


def unused(world: World, found: Resource) -> None:
    """Go on with the deletion of a claim or volume that was in use, if it is no longer."""
    if found.deleting and not volumes_protection.used(world, found):
        proceed(world, _unprotected(world, found))


def _unprotected(world: World, found: Resource) -> Resource:
    return _freed(world, found, volumes_protection.FINALIZERS.get(found.key.kind, ""))


def check(world: World, new: Resource) -> None:
    """Collect an object that names owners none of which is there."""
    if new.owner is None and _abandoned(world, new):
        world.enqueue("garbage", (new.key, new.uid))


def rewritten(world: World, old: Resource, new: Resource) -> None:
    """Follow a write to an object: it may have other owners now, and the last finalizer may have been taken off."""
    if new.owner is None and referred_by(old.manifest) != referred_by(new.manifest):
        check(world, new)
        _let_owners_go(world, _owners(old))
    proceed(world, new)


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
        world.enqueue("garbage", (child.key, child.uid))
    _let_owners_go(world, _owners(old))
    for claim in volumes_protection.leaving(world, old) if old.key.kind == "Pod" else ():
        unused(world, claim)


@handler("garbage")
def collect(world: World, orphan: tuple[ObjectKey, int]) -> None:
    """An owner is gone, or waits for what it owns: what another one holds stays, with references to that one alone.

    What a controller made has no other, even where another object has taken the owner's name by now.
    """
    child = world.store.get(orphan[0])
    if child is None or child.uid != orphan[1]:
        return
    owners = _owners(child)
    there = {key: owner for key in owners if (owner := world.store.get(key)) is not None}
    holding = [key for key, owner in there.items() if not _waits(owner)]
    if child.owner is None and holding:
        _keep_for(world, child, holding)
    else:
        if child.owner is None and any(_waits(one) for one in _followers(world, child)):
            child = _unblocked(world, child)
        discard(world, child, "Foreground" if there or _waits(child) else "Background")
    _let_owners_go(world, owners)


def _keep_for(world: World, child: Resource, holding: Collection[ObjectKey]) -> None:
    """Take references to owners that are gone or going off a manifest."""
    kept = [one for one in _references(child) if not set(_named(child, one)).isdisjoint(holding)]
    if len(kept) < len(_references(child)):
        world.store.configure(child.key, _with(child.manifest, "ownerReferences", kept))


def _named(child: Resource, reference: Manifest) -> tuple[ObjectKey, ...]:
    """The owner one reference of an object names."""
    return referred_by(_with(child.manifest, "ownerReferences", [reference]))


def _owners(found: Resource) -> tuple[ObjectKey, ...]:
    return (found.owner,) if found.owner else referred_by(found.manifest)


def _let_owners_go(world: World, owners: Iterable[ObjectKey]) -> None:
    """Release those that wait for what they own and have nothing left to wait for."""
    for key in owners:
        owner = world.store.get(key)
        if owner is not None and _waits(owner) and not _blocking(world, key):
            proceed(world, _freed(world, owner, FOREGROUND))


def _waits(found: Resource) -> bool:
    """Whether an object stays until what it owns is gone."""
    return found.deleting and FOREGROUND in finalizers_of(found.manifest)


def _unblocked(world: World, child: Resource) -> Resource:
    """An object that waits for itself, by whatever detour, blocks nobody any more."""
    freed = [{**one, "blockOwnerDeletion": False} for one in _references(child)]
    return world.store.configure(child.key, _with(child.manifest, "ownerReferences", freed))


def _blocking(world: World, owner: ObjectKey) -> list[Resource]:
    """What has to be gone before an owner that is deleted in the foreground."""
    return [*world.store.owned(owner), *(one for one in world.store.referring(owner) if _blocks(one, owner))]


def _blocks(child: Resource, owner: ObjectKey) -> bool:
    return any(owner in _named(child, one) and one.get("blockOwnerDeletion") is True for one in _references(child))


def _followers(world: World, owner: Resource) -> list[Resource]:
    return [*world.store.owned(owner.key), *world.store.referring(owner.key)]


def _abandoned(world: World, child: Resource) -> bool:
    """Whether an object names owners and none is there; whether one it cannot have is there nobody can tell."""
    owners = referred_by(child.manifest)
    if not child.key.namespace and any(owner.kind in NAMESPACED for owner in owners):
        return False
    return bool(owners) and not any(map(world.store.get, owners))


def _let_go(world: World, owner: ObjectKey) -> None:
    """Leave what an object owns to itself."""
    for key in list(world.store.owned_keys(owner)):
        world.store.entrust(key, None)
    for child in world.store.referring(owner):
        others = [one for one in _references(child) if owner not in _named(child, one)]
        world.store.configure(child.key, _with(child.manifest, "ownerReferences", others))


def _discard_after_others(world: World, owner: Resource) -> None:
    """An owner deleted in the foreground stays, marked, until all it owned is gone."""
    _hold(world, owner, FOREGROUND)
    for child in _blocking(world, owner.key):
        world.enqueue("garbage", (child.key, child.uid))


def _hold(world: World, found: Resource, finalizer: str) -> None:
    """Mark an object that stays until this finalizer is taken off."""
    if finalizer not in finalizers_of(found.manifest):
        finalizers = [*finalizers_of(found.manifest), finalizer]
        world.store.configure(found.key, _with(found.manifest, "finalizers", finalizers))
    world.store.mark_deleting(found.key)


def _freed(world: World, found: Resource, finalizer: str) -> Resource:
    """An object without this finalizer."""
    finalizers = finalizers_of(found.manifest)
    if finalizer not in finalizers:
        return found
    left = [one for one in finalizers if one != finalizer]
    return world.store.configure(found.key, _with(found.manifest, "finalizers", left))


def _references(child: Resource) -> list[Manifest]:
    found = (child.manifest.get("metadata") or {}).get("ownerReferences")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


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
