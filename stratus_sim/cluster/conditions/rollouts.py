"""Changes of workloads: which pods a roll-out or another size takes, and whether undo gets them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.conditions.change import Change, replicas
from stratus_sim.cluster.conditions.restarts import could_start, staying
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.workloads.templates import template_hash, unlabelled

if TYPE_CHECKING:
    from stratus_sim.world import World


def rollable(world: World, change: Change) -> bool:
    """What serves now and would go could start again, each of it; what is new takes nothing from anybody.

    Pods of an earlier template come back for no undo: nothing may take them but a roll-out, which keeps those that
    serve until others do, and drops those that ail. While one is under way, a new size is shared out among old and new
    pods, and the old size not back.
    """
    if change.found is None:
        return change.after is not None
    present = staying(world, change.key)
    serving, ailing = ([pod for pod in present if pod.status.ready is ready] for ready in (True, False))
    rolls = change.now["template"] != change.new.get("template")
    resized = change.after is None or replicas(change.new) != replicas(change.now)
    taken = [*(serving if resized else ()), *(ailing if rolls else ())]
    if _moves_held(world, change, serving) or not all(_known(world, change, pod) for pod in taken):
        return False
    keeps = not rolls and replicas(change.new) >= replicas(change.now)
    return keeps or all(could_start(world, pod) for pod in serving)


def quorum(world: World, change: Change) -> bool:
    """More than half of the replicas stay ready when one restarts, or when those beyond the new number have left."""
    if change.found is None:
        return change.after is not None
    if change.after is None or change.now["template"]["spec"] != change.new["template"]["spec"]:
        return False
    present = replicas(change.now)
    left = min(replicas(change.new), present - 1)
    whole = change.found.status.ready == present and left > present // 2
    return whole and all(could_start(world, pod) for pod in staying(world, change.key))


def _known(world: World, change: Change, pod: Resource) -> bool:
    """Whether a pod is of the template there is, or of the one undo puts back."""
    templates = (change.was["template"], change.now["template"])
    return any(of_template(world, change.key, template, pod) for template in templates)


def _moves_held(world: World, change: Change, serving: list[Resource]) -> bool:
    """Whether a roll-out would move that was paused, and that undo would therefore stop half-way."""
    if not change.was.get("paused") or change.new.get("paused"):
        return False
    template = change.was["template"]
    as_it_was = all(of_template(world, change.key, template, pod) for pod in serving)
    return template != change.new.get("template") or not as_it_was


def of_template(world: World, workload: ObjectKey, template: Manifest, pod: Resource) -> bool:
    """A ReplicaSet keeps the template of its pods; a pod itself has defaults beside it, and shows only what runs."""
    if pod.owner is None or pod.owner == workload:
        return _runs(pod.manifest) == _runs(template)
    replica_set = world.store.state.objects[pod.owner]
    return _unmarked(replica_set.manifest["spec"]["template"]) == _unmarked(template)


def _runs(pod: Manifest) -> list[tuple[Any, ...]]:
    return [
        tuple(c.get(f) or None for f in ("name", "image", "command", "args", "env")) for c in pod["spec"]["containers"]
    ]


def _unmarked(template: Manifest) -> str:
    """A template without the label its ReplicaSet is told by, by hash."""
    return template_hash(unlabelled(template))
