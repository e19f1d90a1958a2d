"""Side conditions of compensable actions, evaluated on the cluster as it is (`stratus_spec.catalogue.CONDITIONS`).

Outside its condition a compensable action counts as irreversible and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stratus_sim.cluster import eviction, pods, scheduler, taints, volumes
from stratus_sim.cluster.actions import Action, Write
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, labels_of
from stratus_sim.cluster.scheduling.scores import load
from stratus_sim.cluster.workloads.templates import template_hash, unlabelled
from stratus_sim.manifests.kinds import SERVED
from stratus_spec.catalogue import CUSTOM, VERB, Classification, Scope, classify

if TYPE_CHECKING:
    from stratus_sim.world import World


def classification(verb: str, kind: str) -> Classification:
    """The catalogue's row for an action; a kind no built-in API group serves is a custom object."""
    return classify(verb, kind if kind in SERVED else CUSTOM)


class Change(NamedTuple):
    """A change of an object: as found and as it will be, None where there is none.

    `begun` is its manifest when the transaction began: what undo puts back.
    """

    key: ObjectKey
    found: Resource | None
    after: Manifest | None
    begun: Manifest | None


def holds(
    world: World, condition: str, key: ObjectKey, after: Manifest | None = None, begun: Manifest | None = None
) -> bool:
    """Whether a named side condition holds for a change of `key` into `after`, None when the object goes.

    `begun` as in `Change`; None stands for the manifest as found. False for a name nobody evaluates.
    """
    check, found = _CHECKS.get(condition), world.store.get(key)
    before = begun if begun is not None or found is None else found.manifest
    return check is not None and check(world, Change(key, found, after, before))


def permitted(
    world: World, action: Action, writes: tuple[Write, ...], begun: Callable[[ObjectKey], Manifest | None]
) -> bool:
    """Whether the side condition of an action holds; True for one that has none.

    `begun` reads configuration as it was when the transaction began.
    """
    brings = "manifest" in action.arguments and VERB[action.verb].scope is not Scope.ENVIRONMENT
    key = writes[0].key if brings else action.key
    condition = classification(action.verb, key.kind).condition
    after = None if action.verb == "drain" else writes[0].after
    return condition is None or holds(world, condition, key, after, begun(key))


def _replaceable(world: World, change: Change) -> bool:
    """A twin serves meanwhile or this one does not serve, and a new one could start."""
    pod = change.found
    if pod is None or pod.owner is None or world.store.get(pod.owner) is None or eviction.refusal(world, [pod]):
        return False
    siblings = [p for p in world.store.owned(pod.owner) if p.key.kind == "Pod"]
    twins = [p for p in siblings if p.key != change.key and p.status.ready and pods.active(p)]
    return (not pod.status.ready or bool(twins)) and _could_start(world, pod)


def _rollable(world: World, change: Change) -> bool:
    """What serves now and would go could start again, each of it.

    Pods of an earlier template come back for no undo: nothing may take them but a roll-out, which keeps those that
    serve until others do, and drops those that ail. While one is under way, a new size is shared out among old and new
    pods, and the old size not back.
    """
    workload, after = change.found, change.after
    if workload is None:
        return after is not None
    old, new, present = _spec(workload.manifest), _spec(after), _present(world, workload)
    serving = [pod for pod in present if pod.status.ready]
    if _moves_held(world, change, serving):
        return False
    fewer, rolls = after is None or _replicas(new) < _replicas(old), old["template"] != new.get("template")
    if (fewer or _replicas(new) != _replicas(old)) and not all(_known(world, change, pod) for pod in serving):
        return False
    if rolls and not all(pod.status.ready or _known(world, change, pod) for pod in present):
        return False
    return not (fewer or rolls) or all(_could_start(world, pod) for pod in serving)


def _known(world: World, change: Change, pod: Resource) -> bool:
    """Whether a pod is of the template there is, or of the one undo puts back."""
    manifests = [manifest for manifest in (change.begun, change.found and change.found.manifest) if manifest]
    return any(_of_template(world, change.key, _spec(manifest)["template"], pod) for manifest in manifests)


def _moves_held(world: World, change: Change, serving: list[Resource]) -> bool:
    """Whether a roll-out would move that was paused, and that undo would therefore stop half-way."""
    was, new = _spec(change.begun), _spec(change.after)
    if not was.get("paused") or new.get("paused"):
        return False
    as_it_was = all(_of_template(world, change.key, was["template"], pod) for pod in serving)
    return was["template"] != new.get("template") or not as_it_was


def _of_template(world: World, workload: ObjectKey, template: Manifest, pod: Resource) -> bool:
    """A ReplicaSet keeps the template of its pods; a pod itself has defaults beside it, and shows only what runs."""
    owner = world.store.get(pod.owner) if pod.owner is not None else None
    if owner is None or owner.key == workload:
        return _runs(pod.manifest) == _runs(template)
    return _unmarked(owner.manifest["spec"]["template"]) == _unmarked(template)


def _runs(pod: Manifest) -> list[tuple[Any, ...]]:
    return [
        tuple(c.get(f) or None for f in ("name", "image", "command", "args", "env")) for c in pod["spec"]["containers"]
    ]


def _unmarked(template: Manifest) -> str:
    """A template without the label its ReplicaSet is told by, by hash."""
    return template_hash(unlabelled(template))


def _spec(manifest: Manifest | None) -> Mapping[str, Any]:
    return (manifest or {}).get("spec") or {}


def _replicas(spec: Mapping[str, Any]) -> int:
    replicas: int | None = spec.get("replicas")
    return 1 if replicas is None else replicas


def _present(world: World, workload: Resource) -> list[Resource]:
    """The pods that are there to stay."""
    owners = [workload.key, *(r.key for r in world.store.owned(workload.key) if r.key.kind == "ReplicaSet")]
    found = [pod for owner in owners for pod in world.store.owned(owner) if pod.key.kind == "Pod"]
    return [pod for pod in found if pods.active(pod)]


def _quorum(world: World, change: Change) -> bool:
    """More than half of the replicas stay ready when one restarts, or when those beyond the new number have left."""
    workload, after = change.found, change.after
    if workload is None or after is None:
        return workload is None and after is not None
    if _pod_spec(workload.manifest) != _pod_spec(after):
        return False
    replicas = _replicas(_spec(workload.manifest))
    left = min(_replicas(_spec(after)), replicas - 1)
    restartable = all(_could_start(world, pod) for pod in _present(world, workload) if pod.status.ready)
    return bool(workload.status.ready == replicas and left > replicas // 2) and restartable


def _pod_spec(manifest: Manifest) -> Any:
    return (_spec(manifest).get("template") or {}).get("spec")


def _evictable(world: World, change: Change) -> bool:
    """Those who must leave find room elsewhere one after the other, and their budgets allow all of them to go."""
    node = change.found
    if node is None:
        return False
    leaving = _leaving(world, node, change.after)
    if any(pod.owner is None for pod in leaving) or eviction.refusal(world, leaving):
        return False
    lost = [pod for pod in leaving if pod.status.ready and not _configured(world, pod)]
    return not lost and _fits(world, _others(world, change.key), leaving)


def _leaving(world: World, node: Resource, after: Manifest | None) -> list[Resource]:
    """Whom a change of the node sends away; for None, a drain, everybody who can be moved."""
    present = eviction.movable(world, node.key)
    if after is None:
        return present
    return [pod for pod in present if taints.untolerated(after, pod, "NoExecute") or not _selects(pod, after)]


def _selects(pod: Resource, node: Manifest) -> bool:
    selector = pod.spec.node_selector or {}
    return bool(selector.items() <= labels_of(node).items())


def _others(world: World, key: ObjectKey) -> list[Resource]:
    return [node for node in world.store.list("Node") if node.key != key]


def _fits(world: World, nodes: list[Resource], leaving: Iterable[Resource]) -> bool:
    """Whether the scheduler finds a node for each, in turn."""
    for pod in leaving:
        free = [i for i, node in enumerate(nodes) if not scheduler.refusal(world, node, pod)]
        if not free:
            return False
        best = min(free, key=lambda i: load(nodes[i]))
        nodes[best] = _with(nodes[best], pod)
    return True


def _with(node: Resource, pod: Resource) -> Resource:
    return msgspec.structs.replace(node, status=scheduler.with_pod(node.status, pod))


def _only_raises(world: World, change: Change) -> bool:
    """`after` is the autoscaler's manifest."""
    workload, after = change.found, change.after
    if workload is None or after is None:
        return False
    target = (workload.key.kind, workload.key.name)
    others = world.store.list("HorizontalPodAutoscaler", workload.key.namespace)
    alone = all(_scaled(other.manifest) != target for other in others)
    present, bounds = _replicas(_spec(workload.manifest)), _spec(after)
    least, most = bounds.get("minReplicas") or 1, bounds["maxReplicas"]
    return alone and least >= present and _grows(world, change, most - present)


def _grows(world: World, change: Change, by: int) -> bool:
    """Whether so many more replicas would come up like those that serve: what an autoscaler has set, no undo takes."""
    present = _present(world, change.found) if change.found is not None else []
    if by <= 0:
        return True
    alike = present and all(pod.status.ready and _known(world, change, pod) for pod in present)
    return bool(alike) and _could_start(world, present[0]) and _fits(world, world.store.list("Node"), [present[0]] * by)


def _scaled(autoscaler: Manifest) -> tuple[str, str]:
    reference = _spec(autoscaler).get("scaleTargetRef") or {}
    return str(reference.get("kind")), str(reference.get("name"))


def _unmounted(world: World, change: Change) -> bool:
    key = change.key
    running = world.store.list("Pod", key.namespace)
    return all((_spec(pod.manifest).get("serviceAccountName") or "default") != key.name for pod in running)


def _unused(_world: World, change: Change) -> bool:
    return change.found is None


def _no_finalizers(_world: World, change: Change) -> bool:
    found = change.found
    return found is not None and not (found.manifest.get("metadata") or {}).get("finalizers")


def _could_start(world: World, pod: Resource) -> bool:
    """Whether a copy of this pod, made now, would find its images, its configuration and a node."""
    nodes = world.store.list("Node")
    room = any(not scheduler.refusal(world, node, pod) for node in nodes)
    return room and _configured(world, pod) and not _contested(world, nodes, pods.root_owner(world, pod))


def _contested(world: World, nodes: list[Resource], workload: ObjectKey | None) -> bool:
    """Whether pods of others wait for room: they would take what a pod leaves before its successor comes."""
    waiting = [pod for pod in world.store.on_node("") if pods.root_owner(world, pod) != workload]
    return any("Insufficient" in scheduler.refusal(world, node, pod) for pod in waiting for node in nodes)


def _configured(world: World, pod: Resource) -> bool:
    images = all(world.processes.image_exists(c.image) for c in pod.spec.containers)
    return images and not volumes.missing_mounts(world, pod) and not volumes.environments(world, pod)[1]


_CHECKS: dict[str, Callable[[World, Change], bool]] = {
    "replaceable": _replaceable,
    "rollable": _rollable,
    "quorum": _quorum,
    "evictable": _evictable,
    "only_raises": _only_raises,
    "unmounted": _unmounted,
    "unused": _unused,
    "no_finalizers": _no_finalizers,
}
