"""StatefulSet controller: pods with names and claims of their own, in order or all at once.

Follows kubernetes.io/docs/concepts/workloads/controllers/statefulset: "Deployment and Scaling Guarantees", "Pod
Management Policies", "Update strategies" (with "Partitioned rolling updates" and "Forced rollback": a broken pod holds
up its set until somebody deletes it), "Start ordinal". `maxUnavailable` (alpha) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import pods
from stratus_sim.cluster.admission.refusal import refuse
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import StatefulSetStatus
from stratus_sim.cluster.volumes_protection import mounted
from stratus_sim.cluster.watching import LEAVING, STANDING, WRITTEN, watches
from stratus_sim.cluster.workloads import availability, claims, revisions
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


class _View(NamedTuple):
    """A set and its pods by ordinal; `first` is the lowest one; if `ordered`, each pod waits for the one before."""

    stateful: Resource
    pods: Mapping[int, Resource]
    first: int
    ordered: bool
    current: str
    update: str

    @property
    def wanted(self) -> range:
        return range(self.first, self.first + wanted(self.stateful))


@watches("StatefulSet", of=WRITTEN)
def on_stateful_set(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("statefulset", new.key)


@watches("Pod", of=STANDING, owner="StatefulSet")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = availability.pod_owner(old, new, "StatefulSet")
    if owner is None or pods.stands_alike(old, new):
        return
    world.enqueue("statefulset", owner)
    availability.await_pod(world, old, new, "statefulset", owner)


@watches("PersistentVolumeClaim", of=LEAVING)
def on_claim(world: World, old: Resource | None, new: Resource | None) -> None:
    """A claim that is gone is made again for a pod that has not started yet."""
    if new is not None or old is None:
        return
    for pod in world.store.on_node(""):
        owner = availability.pod_owner(None, pod, "StatefulSet")
        if owner is not None and pod.key.namespace == old.key.namespace and old.key.name in mounted(pod.spec):
            world.enqueue("statefulset", owner)


@handler("statefulset")
def reconcile(world: World, key: ObjectKey) -> None:
    """Bring the pods one step closer: lower ordinals first, then those beyond the last, then outdated ones."""
    stateful = world.store.get(key)
    if stateful is None or stateful.deleting:
        return
    update = revisions.present(world, stateful)
    view = _view(world, stateful, update)
    if stateful.status.observed != stateful.generation:
        beyond = [pod.key for number, pod in view.pods.items() if number not in view.wanted]
        claims.entrust(world, stateful, [pod.key for pod in view.pods.values()], beyond)
    if _fill(world, view) and _shrink(world, view):
        _roll(world, view)
    status = _counted(world, _view(world, stateful, update))
    world.store.report(key, status)
    if (stateful.status.observed, stateful.status.current) != (status.observed, status.current):
        in_use = {pod.labels.get(revisions.LABEL, "") for pod in view.pods.values()}
        revisions.prune(world, stateful, {status.current, status.update, *in_use})


def ordinal(pod: ObjectKey) -> int:
    return int(pod.name.rsplit("-", 1)[1])


def parent(pod: ObjectKey) -> str:
    """The StatefulSet that would give a pod this name; "" for a name none gives."""
    found, _, number = pod.name.rpartition("-")
    return found if number.isdecimal() else ""


def _view(world: World, stateful: Resource, update: str) -> _View:
    spec, status = stateful.spec, stateful.status
    owned = [pod for pod in world.store.owned(stateful.key) if pod.key.kind == "Pod"]
    by_ordinal = {ordinal(pod.key): pod for pod in sorted(owned, key=lambda pod: ordinal(pod.key))}
    first = (spec.ordinals and spec.ordinals.start) or 0
    current = (status.current if status is not None else "") or update
    return _View(stateful, by_ordinal, first, spec.pod_management_policy != "Parallel", current, update)


def _fill(world: World, view: _View) -> bool:
    """Make, or make anew, the pods that should be there; whether the way is free for what comes after.

    One that has ended makes room for its successor, however it has ended.
    """
    for number in view.wanted:
        pod = view.pods.get(number)
        if pod is None:
            _create(world, view, number)
        elif pods.ended(pod) and not pod.deleting:
            _delete(world, view, pod)
        elif not pod.status.node and not pod.deleting:
            claims.ensure(world, view.stateful, pod.key.name, ("statefulset", view.stateful.key))
        if view.ordered and (pod is None or pod.deleting or not availability.available(world, pod, view.stateful)):
            return False
    return True


def _shrink(world: World, view: _View) -> bool:
    """Take away pods outside the wanted ordinals, the highest first; whether updates may go on."""
    beyond = sorted((number for number in view.pods if number not in view.wanted), reverse=True)
    first_sick = min((n for n in beyond if not _healthy(view.pods[n])), default=None)
    for number in beyond:
        pod = view.pods[number]
        serves = availability.available(world, pod, view.stateful)
        blocked = pod.deleting or not (serves or number == first_sick)
        if not pod.deleting and not (view.ordered and blocked):
            _delete(world, view, pod)
        if view.ordered:
            return False
    return True


def _roll(world: World, view: _View) -> None:
    """Replace the highest outdated pod down to the partition, once all above it are healthy."""
    if _on_delete(view.stateful):
        return
    for number in reversed(range(_partition(view), view.wanted.stop)):
        pod = view.pods.get(number)
        if pod is None or pod.deleting:
            return
        if pod.labels.get(revisions.LABEL) != view.update:
            _delete(world, view, pod)
            return
        if not _healthy(pod):
            return


def _healthy(pod: Resource) -> bool:
    return bool(pod.status.ready) and pods.active(pod)


def _partition(view: _View) -> int:
    """The lowest ordinal that the newest template is for."""
    strategy = view.stateful.spec.update_strategy
    rolling = strategy and strategy.rolling_update
    return view.first + ((rolling and rolling.partition) or 0)


def _create(world: World, view: _View, number: int) -> None:
    stateful = view.stateful
    name = f"{stateful.key.name}-{number}"
    revision = view.current if number < _partition(view) and not _on_delete(stateful) else view.update
    template, item = revisions.template_of(world, stateful, revision), ("statefulset", stateful.key)
    if world.store.get(ObjectKey("Pod", stateful.key.namespace, name)) is not None:
        said = f"create Pod {name} in StatefulSet {stateful.key.name} failed error: "
        refuse(world, stateful, said, f'pods "{name}" already exists', item)
        return
    if not claims.ensure(world, stateful, name, item):
        return
    labels = {POD_NAME: name, POD_INDEX: str(number), revisions.LABEL: revision}
    fields = claims.volumes(stateful, name, template["spec"])
    if not pods.create(world, name, stateful, item, labels=labels, fields=fields, template=template):
        return
    emit(
        world,
        stateful.key,
        "SuccessfulCreate",
        f"create Pod {name} in StatefulSet {stateful.key.name} successful",
    )


def _on_delete(stateful: Resource) -> bool:
    strategy = stateful.spec.update_strategy
    return strategy is not None and strategy.type == "OnDelete"


def _delete(world: World, view: _View, pod: Resource) -> None:
    message = f"delete Pod {pod.key.name} in StatefulSet {view.stateful.key.name} successful"
    emit(world, view.stateful.key, "SuccessfulDelete", message)
    pods.terminate(world, pod.key)


def _counted(world: World, view: _View) -> StatefulSetStatus:
    active = [pod for pod in view.pods.values() if pods.active(pod)]
    ready, size = sum(pod.status.ready for pod in active), wanted(view.stateful)
    of_revision = [pod.labels.get(revisions.LABEL) for pod in active]
    updated = of_revision.count(view.update)
    rolled = not _on_delete(view.stateful) and updated == len(active) == ready == size
    current = view.update if rolled else view.current
    return StatefulSetStatus(
        replicas=len(active),
        ready=ready,
        available=sum(availability.available(world, pod, view.stateful) for pod in active),
        current_replicas=of_revision.count(current),
        updated=updated,
        current=current,
        update=view.update,
        observed=view.stateful.generation,
    )
