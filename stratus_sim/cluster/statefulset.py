"""StatefulSet controller: named pods in order, one at a time.

Follows kubernetes.io/docs/concepts/workloads/controllers/statefulset ("Deployment and Scaling Guarantees",
"Rolling Updates"); `podManagementPolicy`, partitions and claim templates are not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.status import ReplicaStatus
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("StatefulSet")
def on_stateful_set(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("statefulset", new.key)


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    if owner is None or owner.kind != "StatefulSet":
        return
    if not pods.stands_alike(old, new):
        world.enqueue("statefulset", owner)


@handler("statefulset")
def reconcile(world: World, key: ObjectKey) -> None:
    """Take the one next step: scale down, create the next ordinal, or replace the highest outdated pod.

    A pod that is there but not ready holds up everything but scaling down, as with the default `OrderedReady`.
    """
    stateful = world.store.get(key)
    if stateful is None:
        return
    owned = sorted(world.store.owned(key), key=lambda pod: ordinal(pod.key))
    replicas = 1 if stateful.spec.replicas is None else stateful.spec.replicas
    ready = sum(pod.status.ready and pods.active(pod) for pod in owned)
    world.store.report(key, ReplicaStatus(sum(map(pods.active, owned)), ready))
    if any(pod.deleting for pod in owned):
        return
    surplus = [pod for pod in owned if ordinal(pod.key) >= replicas]
    if surplus:
        pods.terminate(world, surplus[-1].key)
    elif ready < len(owned):
        return
    elif len(owned) < replicas:
        _create(world, stateful, {ordinal(pod.key) for pod in owned})
    else:
        _replace_outdated(world, stateful, owned)


def _replace_outdated(world: World, stateful: Resource, owned: list[Resource]) -> None:
    template = stateful.manifest["spec"]["template"]
    outdated = [pod for pod in owned if not _is_of(pod, template)]
    if outdated:
        pods.terminate(world, outdated[-1].key)


def _is_of(pod: Resource, template: Manifest) -> bool:
    return pod.manifest["spec"] == template["spec"] and pods.marks(pod.manifest) == pods.marks(template)


def ordinal(pod: ObjectKey) -> int:
    return int(pod.name.rsplit("-", 1)[1])


def _create(world: World, stateful: Resource, taken: set[int]) -> None:
    number = next(n for n in range(len(taken) + 1) if n not in taken)
    pods.create(world, f"{stateful.key.name}-{number}", stateful)
