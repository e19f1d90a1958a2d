"""DaemonSet controller: one pod on every node that fits, node by node.

Follows kubernetes.io/docs/concepts/workloads/controllers/daemonset ("Taints and tolerations") and
kubernetes.io/docs/tasks/manage-daemon/update-daemon-set (maxUnavailable, maxSurge, OnDelete). Each node is an item of
its own on the work queue and counts are kept by difference, so a change costs as much on five nodes as on five
thousand. A pod is tied to its node by `nodeName`, which the scheduler here still decides about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import ordered, pods, taints
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.scheduling import node_affinity
from stratus_sim.cluster.status import DaemonSetStatus, Place
from stratus_sim.cluster.watching import STANDING, WRITTEN, watches
from stratus_sim.cluster.workloads import availability, revisions
from stratus_sim.cluster.workloads.bounds import portion
from stratus_sim.cluster.workloads.naming import free_pod_name
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_TOLERATED = (
    ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
)  # fmt: skip
_TOLERATIONS = tuple({"key": f"node.kubernetes.io/{k}", "operator": "Exists", "effect": e} for k, e in _TOLERATED)
_ON_HOST = (
    *_TOLERATIONS,
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
)
_COUNTS = ("wanted", "scheduled", "misscheduled", "ready", "available", "updated", "surging")
_NOWHERE = Place()


@watches("DaemonSet", of=WRITTEN)
def on_daemon_set(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("daemonset", new.key)


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    alike = old is not None and new is not None and old.manifest is new.manifest
    if alike and old is not None and new is not None and old.status.ready == new.status.ready:
        return
    for found in world.store.list("DaemonSet"):
        world.enqueue("daemonset.node", (found.key, (new or old).key.name))  # type: ignore[union-attr]


@watches("Pod", of=STANDING, owner="DaemonSet")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = availability.pod_owner(old, new, "DaemonSet")
    if owner is None or pods.stands_alike(old, new):
        return
    item = (owner, (new or old).spec.node_name)  # type: ignore[union-attr]  # a change has at least one side
    world.enqueue("daemonset.node", item)
    availability.await_pod(world, old, new, "daemonset.node", item)


@handler("daemonset")
def reconcile(world: World, key: ObjectKey) -> None:
    """Its spec has changed: every node has to be looked at, and the newest template to be brought to each."""
    daemon = world.store.get(key)
    if daemon is None or daemon.deleting:
        return
    old = daemon.status or DaemonSetStatus()
    update = revisions.present(world, daemon)
    queue, taken = (old.queue, old.taken) if update == old.update else (tuple(sorted(old.places)), 0)
    status = msgspec.structs.replace(old, observed=daemon.generation, update=update, queue=queue, taken=taken)
    world.store.report(key, status)
    revisions.prune(world, daemon, {update})
    for node in sorted({*old.places, *(node.key.name for node in world.store.list("Node"))}):
        world.enqueue("daemonset.node", (key, node))


@handler("daemonset.node")
def reconcile_node(world: World, item: tuple[ObjectKey, str]) -> None:
    """Make or take away the pods of one node, count them, and go on with the rollout if there is room."""
    key, node = item
    daemon = world.store.get(key)
    if daemon is None or daemon.deleting or daemon.status is None or not daemon.status.update:
        return
    _settle(world, daemon, node)
    _count(world, key, node)
    _roll(world, key)


def eligible(daemon: Resource, node: Resource | None) -> tuple[bool, bool]:
    """(whether a pod should come to a node, whether one that is there may stay)."""
    template = daemon.spec.template.spec
    if node is None or not node_affinity.matches(template, node):
        return False, False
    tolerations = _tolerations(daemon)
    stays = not taints.repelling(node.manifest, tolerations, "NoExecute")
    comes = stays and not taints.repelling(node.manifest, tolerations, "NoSchedule")
    return comes and node.status.ready, stays


def _tolerations(daemon: Resource) -> list[dict[str, object]]:
    spec = daemon.manifest["spec"]["template"]["spec"]
    own, added = spec.get("tolerations") or [], _ON_HOST if spec.get("hostNetwork") else _TOLERATIONS
    return [*own, *(toleration for toleration in added if toleration not in own)]


def _settle(world: World, daemon: Resource, node: str) -> None:
    comes, stays = eligible(daemon, world.store.get(ObjectKey("Node", "", node)))
    present = _present(world, daemon, node)
    live = sorted((pod for pod in present if pods.active(pod)), key=lambda pod: pod.uid)
    for pod in [pod for pod in present if pods.ended(pod) and not pod.deleting and stays]:
        _complain(world, daemon, pod, node)
    for pod in present if not stays else [pod for pod in present if pods.ended(pod)]:
        _delete(world, daemon, pod)
    if comes and (_lacks(world, daemon, live) if _surge(daemon) else not present):
        _create(world, daemon, node)
    elif stays and live:
        _thin(world, daemon, live)


def _complain(world: World, daemon: Resource, pod: Resource, node: str) -> None:
    """A pod that is there for good has ended."""
    found = f"daemon pod {pod.key.path} on node {node}, will try to"
    if pod.status.phase == "Failed":
        emit(world, daemon.key, "FailedDaemonPod", f"Found failed {found} kill it", warning=True)
    else:
        emit(world, daemon.key, "SucceededDaemonPod", f"Found succeeded {found} delete it")


def _lacks(world: World, daemon: Resource, live: list[Resource]) -> bool:
    """Whether a node may have a new pod beside those that go: one with nothing to lose may before its turn."""
    if live and _on_delete(daemon):
        return False
    return not any(_is_updated(daemon, pod) or availability.available(world, pod, daemon) for pod in live)


def _thin(world: World, daemon: Resource, live: list[Resource]) -> None:
    """Keep the oldest pod; while surging, the old one until the new is available. Sick outdated pods go at once.

    While surging they go once the new one has come.
    """
    fresh = [pod for pod in live if _is_updated(daemon, pod)]
    stale = [pod for pod in live if pod not in fresh]
    serves = any(availability.available(world, pod, daemon) for pod in fresh)
    surplus = [*stale[1:], *fresh[1:]] if _surge(daemon) else live[1:]
    if _surge(daemon) and stale and fresh and (serves or not stale[0].status.ready):
        surplus = [*stale, *fresh[1:]]
    elif not _surge(daemon) and stale and not _on_delete(daemon):
        surplus += [pod for pod in stale if not availability.available(world, pod, daemon) and pod not in surplus]
    for pod in surplus:
        _delete(world, daemon, pod)


def _roll(world: World, key: ObjectKey) -> None:
    """Give the next nodes in the queue their turn, as many as may be unavailable, or surge, at once.

    Not before every node has been counted: who is new, or left to itself before, does not know of them all.
    """
    daemon = world.store.get(key)
    while daemon is not None and daemon.status.taken < len(daemon.status.queue) and not _on_delete(daemon):
        status, surge = daemon.status, _surge(daemon)
        busy = status.surging if surge else status.wanted - status.available
        if busy >= (surge or _unavailable(daemon)) or len(status.places) < ordered.size(world.cluster.ranking):
            return
        node = status.queue[status.taken]
        world.store.report(key, msgspec.structs.replace(status, taken=status.taken + 1))
        _replace(world, daemon, node)
        _count(world, key, node)
        daemon = world.store.get(key)


def _replace(world: World, daemon: Resource, node: str) -> None:
    live = [pod for pod in _present(world, daemon, node) if pods.active(pod)]
    if any(_is_updated(daemon, pod) for pod in live):
        return
    if _surge(daemon) and eligible(daemon, world.store.get(ObjectKey("Node", "", node)))[0]:
        _create(world, daemon, node)
    elif not _surge(daemon):
        for pod in live:
            _delete(world, daemon, pod)


def _present(world: World, daemon: Resource, node: str) -> list[Resource]:
    place = daemon.status.places.get(node, _NOWHERE)
    found = (world.store.get(ObjectKey("Pod", daemon.key.namespace, name)) for name in place.pods)
    return [pod for pod in found if pod is not None and pod.owner == daemon.key]


def _create(world: World, daemon: Resource, node: str) -> None:
    name = free_pod_name(world, daemon.key)
    labels = {
        revisions.LABEL: revisions.hash_of(daemon.status.update),
        node_affinity.GENERATION: str(daemon.generation),
    }
    fields = {"nodeName": node, "tolerations": _tolerations(daemon)}
    if not pods.create(world, name, daemon, ("daemonset.node", (daemon.key, node)), labels=labels, fields=fields):
        return
    place(world, daemon.key, node, name)
    emit(world, daemon.key, "SuccessfulCreate", f"Created pod: {name}")


def place(world: World, key: ObjectKey, node: str, pod: str) -> None:
    """Note that a DaemonSet has this pod on a node."""
    daemon = world.store.get(key)
    if daemon is not None and daemon.status is not None:
        found = daemon.status.places.get(node, _NOWHERE)
        _report(world, key, node, msgspec.structs.replace(found, pods=(*found.pods, pod)))


def _delete(world: World, daemon: Resource, pod: Resource) -> None:
    if not pod.deleting:
        emit(world, daemon.key, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
        pods.terminate(world, pod.key)


def _count(world: World, key: ObjectKey, node: str) -> None:
    """Bring the counts of one node up to date; a pod on a node that should have none counts as that alone."""
    daemon = world.store.get(key)
    if daemon is None:
        return
    there = world.store.get(ObjectKey("Node", "", node))
    wanted, present = eligible(daemon, there)[0], _present(world, daemon, node)
    live = [pod for pod in present if pods.active(pod)]
    place = Place(
        wanted=wanted,
        scheduled=wanted and bool(live),
        misscheduled=not wanted and bool(live),
        ready=wanted and any(pod.status.ready for pod in live),
        available=wanted and any(availability.available(world, pod, daemon) for pod in live),
        updated=wanted and any(_is_updated(daemon, pod) for pod in live),
        surging=len(live) > 1,
        pods=tuple(pod.key.name for pod in present),
    )
    _report(world, key, node, None if there is None and not present else place)


def _report(world: World, key: ObjectKey, node: str, place: Place | None) -> None:
    daemon = world.store.get(key)
    if daemon is None:
        return
    status, places = daemon.status, daemon.status.places
    old, new = places.get(node, _NOWHERE), place or _NOWHERE
    changed = {name: getattr(status, name) + getattr(new, name) - getattr(old, name) for name in _COUNTS}
    if place is not None:
        places = places.set(node, place)
    elif node in places:
        places = places.delete(node)
    world.store.report(key, msgspec.structs.replace(status, places=places, **changed))


def _is_updated(daemon: Resource, pod: Resource) -> bool:
    return bool(pod.labels.get(revisions.LABEL) == revisions.hash_of(daemon.status.update))


def _on_delete(daemon: Resource) -> bool:
    strategy = daemon.spec.update_strategy
    return strategy is not None and strategy.type == "OnDelete"


def _surge(daemon: Resource) -> int:
    """How many nodes may have a second pod during an update; 0 where old pods go first."""
    rolling = daemon.spec.update_strategy and daemon.spec.update_strategy.rolling_update
    value = rolling and rolling.max_surge
    return portion(value, daemon.status.wanted, up=True) if value else 0


def _unavailable(daemon: Resource) -> int:
    rolling = daemon.spec.update_strategy and daemon.spec.update_strategy.rolling_update
    value = rolling and rolling.max_unavailable
    return max(1, portion(1 if value is None else value, daemon.status.wanted, up=True))
