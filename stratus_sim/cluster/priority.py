"""Priority of pods by their class.

Follows kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption: admission writes the class's value into
the pod; classes that come, change or go later change no pod that is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.manifests.pod_shapes import PodSpec

if TYPE_CHECKING:
    from stratus_sim.world import World

_BUILT_IN = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
PREEMPT = "PreemptLowerPriority"


def admitted(world: World, name: str) -> dict[str, Any]:
    """The fields admission sets on a new pod of a class, "" for none: priority, preemptionPolicy and the class's name.

    Nothing where the class does not exist, or none is named and none is the default.
    """
    if name in _BUILT_IN:
        return {"priority": _BUILT_IN[name], "preemptionPolicy": PREEMPT}
    if not world.store.has("PriorityClass"):
        return {}
    for found in world.store.list("PriorityClass"):
        if found.key.name == name or (not name and found.spec.global_default):
            policy = found.spec.preemption_policy or PREEMPT
            return {"priority": found.spec.value, "preemptionPolicy": policy, "priorityClassName": found.key.name}
    return {}


def value(pod: PodSpec) -> int:
    """The priority the scheduler compares; 0 for a pod of no class."""
    return pod.priority or 0


def may_preempt(pod: PodSpec) -> bool:
    """Whether a pod that does not fit may push out pods of lower priority."""
    return (pod.preemption_policy or PREEMPT) == PREEMPT
