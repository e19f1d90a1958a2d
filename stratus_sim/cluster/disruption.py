"""Why a pod is ended though nothing is wrong with it: the condition DisruptionTarget.

Follows kubernetes.io/docs/concepts/workloads/pods/disruptions ("Pod disruption conditions"). Failure policies of Jobs
tell by it what was no fault of the pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey

if TYPE_CHECKING:
    from stratus_sim.world import World

Reason = Literal[
    "PreemptionByScheduler",
    "DeletionByTaintManager",
    "EvictionByEvictionAPI",
    "DeletionByPodGC",
    "TerminationByKubelet",
]
CONDITION = "DisruptionTarget"
SAID: Mapping[str, str] = {
    "PreemptionByScheduler": "default-scheduler: preempting to accommodate a higher priority pod",
    "DeletionByTaintManager": "Taint manager: deleting due to NoExecute taint",
    "EvictionByEvictionAPI": "Eviction API: evicting",
    "DeletionByPodGC": "PodGC: node no longer exists",
}
"""The message of the condition by its reason; the kubelet's is the pod's own."""


def mark(world: World, key: ObjectKey, reason: Reason) -> None:
    """Say why a pod is about to be ended; one that is on its way out already keeps what it has."""
    pod = world.store.get(key)
    if pod is not None and pods.active(pod):
        pods.update(world, pod, disruption=reason)
