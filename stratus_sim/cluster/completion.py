"""Pods that are meant to end: what their restart policy makes of an exit.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Pod phase", "Container restart policy"). The
containers of a pod share one fate here: the pod has ended when the slowest has, and failed when one of them failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_LONGEST_US = 5 * SECOND_US
"""What work of unknown length takes at most; it is drawn between a second and this."""


def expect(world: World, pod: Resource) -> None:
    """Set the timer for the end of a pod whose containers have just started, if they are meant to end."""
    if not _is_finite(pod):
        return
    exits = [world.processes.exit(container) for container in pod.spec.containers]
    known = [found.after_us for found in exits if found.after_us is not None]
    if len(known) < len(exits):
        known.append(world.draw(str(pod.key), "work", SECOND_US, _LONGEST_US))
    reason = "Error" if any(found.code for found in exits) else "Completed"
    world.schedule(max(known), "kubelet.completed", pod.key, pod.uid, pod.status.restarts, reason)


def ends_pod(pod: Resource, reason: str) -> bool:
    """Whether a pod has ended for good when its containers exit for this reason."""
    policy = pod.spec.restart_policy
    return policy == "Never" or (policy == "OnFailure" and reason == "Completed")


def _is_finite(pod: Resource) -> bool:
    return pod.spec.restart_policy in ("Never", "OnFailure")


@handler("kubelet.completed")
def completed(world: World, key: ObjectKey, uid: int, restarts: int, reason: str) -> None:
    """The containers have done what they do, unless they were killed or started anew meanwhile."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid or pod.status.restarts != restarts:
        return
    if pod.status.phase == "Running" and not pod.status.reason:
        world.schedule(0, "kubelet.exited", key, uid, reason)
