"""Whose pods and ReplicaSets are: a controller takes in what its selector matches and nobody owns, and lets go of what
it no longer matches.

Follows kubernetes.io/docs/concepts/workloads/controllers/replicaset ("Non-Template Pod acquisitions", "Isolating Pods
from a ReplicaSet") and the same of Deployments, StatefulSets, whose pods have names of their own, and DaemonSets. A Job
lets go and takes nothing in: its selector has its uid.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import pods, selectors
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.cluster.workloads import availability, daemonset, job, statefulset

if TYPE_CHECKING:
    from stratus_sim.world import World

_OWNERS = ("ReplicaSet", "StatefulSet", "DaemonSet")


@watches("Pod", "ReplicaSet", of=WRITTEN)
def on_dependent(world: World, old: Resource | None, new: Resource | None) -> None:
    """Who has other labels, or no owner any more, may be somebody else's."""
    if new is None or (old is not None and old.owner == new.owner and old.labels == new.labels):
        return
    if new.owner is None:
        kinds = _OWNERS if new.key.kind == "Pod" else ("Deployment",)
        _offer(world, new, (owner for kind in kinds for owner in world.store.list(kind, new.key.namespace)))
    elif old is not None:
        _release(world, new, world.store.get(new.owner))


@watches("Deployment", *_OWNERS, of=WRITTEN)
def on_owner(world: World, old: Resource | None, new: Resource | None) -> None:
    """A controller that has just come finds what another of its kind has left behind."""
    if new is None or old is not None:
        return
    if new.key.kind == "Deployment":
        found = world.store.list("ReplicaSet", new.key.namespace)
    else:
        found = selectors.matching(world, new.key.namespace, new.spec.selector)
        found += world.store.list("ControllerRevision", new.key.namespace)
    for orphan in found:
        if orphan.owner is None:
            _offer(world, orphan, [new])


def _offer(world: World, orphan: Resource, owners: Iterable[Resource]) -> None:
    """Give an orphan to the first of these that takes it."""
    owner = next((one for one in owners if _takes(one, orphan)), None)
    if owner is None:
        return
    world.store.entrust(orphan.key, owner.key)
    if orphan.key.kind == "ControllerRevision":
        return
    if owner.key.kind == "DaemonSet":
        daemonset.place(world, owner.key, orphan.status.node, orphan.key.name)
    taken, (queue, item) = world.store.get(orphan.key), _queued(owner.key, orphan)
    world.enqueue(queue, item)
    if orphan.key.kind == "Pod":
        availability.await_pod(world, None, taken, queue, item)


def _takes(owner: Resource, orphan: Resource) -> bool:
    if owner.deleting or orphan.deleting or not selectors.matches(owner.spec.selector, orphan.labels):
        return False
    if orphan.key.kind == "ControllerRevision":
        return orphan.key.name.startswith(f"{owner.key.name}-")
    if owner.key.kind == "StatefulSet":
        return statefulset.parent(orphan.key) == owner.key.name
    return owner.key.kind == "Deployment" or pods.active(orphan)


def _release(world: World, dependent: Resource, owner: Resource | None) -> None:
    if owner is None or owner.deleting or _keeps(owner, dependent):
        return
    world.store.entrust(dependent.key, None)
    world.enqueue(*_queued(owner.key, dependent))


def _keeps(owner: Resource, dependent: Resource) -> bool:
    if owner.key.kind == "Job":
        return dependent.labels.get(job.OWNER) == job.uid_label(owner)
    return owner.spec is None or selectors.matches(owner.spec.selector, dependent.labels)


def _queued(owner: ObjectKey, dependent: Resource) -> tuple[str, Any]:
    """The work queue of an owner that counts what has come or gone, and the item on it."""
    return _QUEUES[owner.kind], (owner, dependent.status.node) if owner.kind == "DaemonSet" else owner


_QUEUES = {
    "Deployment": "deployment", "ReplicaSet": "replicaset", "StatefulSet": "statefulset", "Job": "job",
    "DaemonSet": "daemonset.node",
}  # fmt: skip
