"""Autoscalers: what they have set, no undo takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.conditions.change import Change, replicas, spec
from stratus_sim.cluster.conditions.restarts import could_start, fits, staying
from stratus_sim.cluster.conditions.rollouts import of_template
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, key_of

if TYPE_CHECKING:
    from stratus_sim.world import World


def only_raises(world: World, change: Change) -> bool:
    """An autoscaler, `after`, cannot shrink its workload; what it may add comes up; it is the only one.

    One that sets the size already goes on to set it when its bounds are put back: it may be told to go lower, as long
    as it does not have to.
    """
    if change.after is None:
        return False
    target = world.store.get(_target(change.after))
    if target is None:
        return True
    found = world.store.list("HorizontalPodAutoscaler", change.key.namespace)
    scaling = [one for one in found if _target(one.manifest) == target.key]
    if any(one.key != key_of(change.after) for one in scaling):
        return False
    present, most = replicas(spec(target.manifest)), change.new["maxReplicas"]
    low = most if scaling else change.new.get("minReplicas") or 1
    return low >= present and (most <= present or _grows(world, target, most - present))


def _grows(world: World, workload: Resource, by: int) -> bool:
    """Whether so many more replicas would come up like those that serve."""
    template, present = spec(workload.manifest)["template"], staying(world, workload.key)
    if not present:
        return False
    alike = all(pod.status.ready and of_template(world, workload.key, template, pod) for pod in present)
    return alike and could_start(world, present[0]) and fits(world, world.store.list("Node"), [present[0]] * by)


def _target(autoscaler: Manifest) -> ObjectKey:
    reference = spec(autoscaler)["scaleTargetRef"]
    return ObjectKey(str(reference["kind"]), key_of(autoscaler).namespace, str(reference["name"]))
