"""Namespace life cycle: a namespace that is deleted empties first, and lets nothing new in meanwhile.

Follows kubernetes.io/docs/concepts/overview/working-with-objects/namespaces and the NamespaceLifecycle admission
plug-in. Contents go all at once; the namespace follows when the last of them is gone, however long a finalizer holds
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import garbage
from stratus_sim.cluster.admission.registry import Write, forbidden, validates
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import REMOVALS, watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

KIND = "Namespace"
PERMANENT = frozenset({"default", "kube-system", "kube-public"})


@validates("NamespaceLifecycle", reads=KIND)
def check(world: World, write: Write) -> None:
    """Refuse new objects in a namespace that is on its way out, and deletion of one that must stay. Raises Denied."""
    key = write.key
    if write.operation == "DELETE" and key.kind == KIND and key.name in PERMANENT:
        raise forbidden(key, "this namespace may not be deleted")
    if write.operation == "CREATE" and key.namespace and terminating(world, key.namespace):
        problem = f"unable to create new content in namespace {key.namespace} because it is being terminated"
        raise forbidden(key, problem)


@watches(REMOVALS)
def on_removal(world: World, old: Resource | None, _new: Resource | None) -> None:
    if old is not None and old.key.namespace and terminating(world, old.key.namespace):
        world.enqueue("namespace", ObjectKey(KIND, "", old.key.namespace))


@handler("namespace")
def finish(world: World, key: ObjectKey) -> None:
    """Go on with a Terminating namespace: something that was in it is gone."""
    namespace = world.store.get(key)
    if namespace is not None and namespace.deleting:
        garbage.discard(world, namespace)


def terminating(world: World, name: str) -> bool:
    """Whether a namespace is on its way out."""
    namespace = world.store.get(ObjectKey(KIND, "", name))
    return namespace is not None and namespace.deleting
