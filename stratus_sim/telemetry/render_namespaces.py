"""A namespace as the API server returns it: of one that is on its way out, what is still in it and what holds that.

Source: kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1 ("NamespaceStatus"); reasons and
messages of the namespace controller.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stratus_sim.cluster.network_policy import namespace_labels
from stratus_sim.cluster.objects import Resource, finalizers_of, uuid_of
from stratus_sim.manifests.kinds import SERVED, plural
from stratus_sim.telemetry.render_workloads import Json, condition, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

_DONE = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure", "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)  # fmt: skip


def namespace(world: World, body: Json, resource: Resource) -> None:
    """The phase of a namespace, and why one that is Terminating is not gone yet."""
    body["metadata"]["labels"] = {**namespace_labels(world, resource.key.name)}
    body["status"] = {"phase": "Terminating" if resource.deleting else "Active"}
    if not resource.deleting:
        return
    found = world.store.within(resource.key.name)
    kinds = Counter(_resource(one) for one in found)
    holders = Counter(finalizer for one in found for finalizer in finalizers_of(one.manifest))
    since_us = resource.deleted_us
    body["status"]["conditions"] = [
        *({**condition(kind, False, since_us, reason), "message": said} for kind, reason, said in _DONE),
        _remaining("NamespaceContentRemaining", since_us, kinds, "ContentRemoved", "All content successfully removed",
                   "SomeResourcesRemain", "Some resources are remaining: ", "has"),
        _remaining("NamespaceFinalizersRemaining", since_us, holders, "ContentHasNoFinalizers",
                   "All content-preserving finalizers finished", "SomeFinalizersRemain",
                   "Some content in the namespace has finalizers remaining: ", "in"),
    ]  # fmt: skip


def undeclared(world: World) -> dict[str, Json]:
    """By name, the namespaces that are there because something is in them: manifests need not declare theirs."""
    within = {"default"} | {key.namespace for key in world.store.state.objects if key.namespace}
    declared = {key.name for key in world.store.keys("Namespace")}
    return {name: _undeclared(name) for name in sorted(within - declared)}


def _undeclared(name: str) -> Json:
    metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "resourceVersion": "1"}
    metadata |= {"uid": uuid_of(f"Namespace {name}"), "creationTimestamp": timestamp(0)}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata, "status": {"phase": "Active"}}


def _remaining(
    kind: str, since_us: int, counts: Counter[str], well: str, done: str, ill: str, said: str, word: str
) -> Json:
    """A condition that lists what is left, or says that nothing is."""
    listed = ", ".join(f"{name} {word} {count} resource instances" for name, count in sorted(counts.items()))
    found = condition(kind, bool(counts), since_us, ill if counts else well)
    return {**found, "message": said + listed if counts else done}


def _resource(found: Resource) -> str:
    """A resource as the controller writes it: plural and group, the latter empty for the core."""
    return f"{plural(found.key.kind)}.{SERVED.get(found.key.kind, '').rpartition('/')[0]}"
