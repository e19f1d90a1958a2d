"""What deletion promises, and what every object does.

From kubernetes.io/docs/concepts/overview/working-with-objects/finalizers, .../namespaces,
kubernetes.io/docs/concepts/architecture/garbage-collection ("Cascading deletion") and
github.com/kubernetes/community, "API Conventions" ("Metadata").
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster.objects import ObjectKey, finalizers_of
from tests.invariants.promises.look import Look

OURS = frozenset({"foregroundDeletion", "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"})
"""Finalizers the control plane takes off by itself."""


def broken_holds(look: Look) -> Iterator[str]:
    """What has a finalizer stays until who put it there takes it off; nobody changes his mind about a deletion."""
    for old in look.gone():
        left = {*finalizers_of(old.manifest)} - OURS
        if left and not look.by_user:
            yield f"{old.key} has gone in spite of {sorted(left)}"
    for old, new in look.kept():
        if old.deleting and not new.deleting:
            yield f"{new.key} is on its way out no more"
        lost = {*finalizers_of(old.manifest)} - {*finalizers_of(new.manifest)} - OURS
        if lost and not look.by_user:
            yield f"{new.key} has lost {sorted(lost)}"


def closed_namespaces(look: Look) -> Iterator[str]:
    """Nothing new comes into a namespace that is on its way out."""
    for new in look.made():
        namespace = look.before.get(ObjectKey("Namespace", "", new.key.namespace))
        if namespace is not None and namespace.deleting:
            yield f"{new.key} has come into a namespace that is being deleted"


def full_namespaces(look: Look) -> Iterator[str]:
    """A namespace on its way out is gone once it is empty, and not before; all that is in it is on its way out too."""
    for namespace in look.gone("Namespace"):
        if left := [str(found.key) for found in look.world.store.within(namespace.key.name)]:
            yield f"{namespace.key} has gone, {left} are left"
    for namespace in look.world.store.list("Namespace") if look.settled else ():
        if not namespace.deleting:
            continue
        there = look.world.store.within(namespace.key.name)
        if idle := [str(found.key) for found in there if not found.deleting]:
            yield f"{namespace.key} is on its way out, {idle} are not"
        if not there and not {*finalizers_of(namespace.manifest)}:
            yield f"{namespace.key} is empty and still there"


def early_owners(look: Look) -> Iterator[str]:
    """Who is deleted in the foreground goes after what it owns; who waits for nothing any more goes."""
    for owner in look.gone():
        if "foregroundDeletion" in finalizers_of(owner.manifest) and not look.by_user:
            left = [str(one.key) for one in look.world.store.owned(owner.key) if one.uid > owner.uid]
            if left and look.world.store.get(owner.key) is None:
                yield f"{owner.key} has gone before {left}"
    for found in look.world.store.everything() if look.settled else ():
        held = {*finalizers_of(found.manifest)}
        waits = held == {"foregroundDeletion"} and found.deleting
        if waits and not look.world.store.owned(found.key) and not look.world.store.referring(found.key):
            yield f"{found.key} waits for nobody"


def unchanging(look: Look) -> Iterator[str]:
    """An object keeps its uid and its age, its generation never falls, and each write gives it a later version."""
    for old, new in look.kept():
        if new.created_us != old.created_us or new.generation < old.generation or new.version < old.version:
            yield f"{new.key}: {old.generation} at version {old.version} became {new.generation} at {new.version}"
        if new.version == old.version or (new.deleting and old.deleting and new.deleted_us != old.deleted_us):
            yield f"{new.key}: changed without a version of its own, or was deleted anew"


def forgetful_events(look: Look) -> Iterator[str]:
    """An Event counts up, and is as old as it was."""
    for event in look.forgotten:
        yield f"{event.involved}: {event.reason} was counted {event.count} times, and is not any more"
    for event in look.said:
        if not event.first_us <= event.last_us <= look.world.now_us or event.count < 1:
            yield f"{event.involved}: {event.reason} from {event.first_us} to {event.last_us}, {event.count} times"


PROMISES = (broken_holds, closed_namespaces, full_namespaces, early_owners, unchanging, forgetful_events)
