"""Containers that end: what becomes of the pod, and how long the next start waits.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, "How Pods handle problems with containers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import completion, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import inits
from stratus_sim.cluster.kubelet.duty import full_name, on_duty
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

BACK_OFF_US = 10 * SECOND_US
BACK_OFF_CAP_US = 300 * SECOND_US
FORGIVEN_AFTER_US = 600 * SECOND_US
"""Who has run for so long starts again with the shortest back-off."""


def back_off_us(failures: int) -> int:
    """The wait after so many failures in a row: ten seconds, twice as long each further time, at most five minutes."""
    return min(BACK_OFF_CAP_US, BACK_OFF_US << min(max(0, failures - 1), 10))


@handler("kubelet.exited")
def exited(world: World, key: ObjectKey, uid: int, reason: str) -> None:
    """A container ended: the pod has ended with it, or it is started again after a back-off."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    if completion.ends_pod(pod, reason):
        pods.finish(world, pod, reason)
        return
    forgiven = pod.status.phase == "Running" and world.now_us - pod.status.started_us >= FORGIVEN_AFTER_US
    failures = 1 if forgiven else pod.status.failures + 1
    delay_us = back_off_us(failures)
    container, name = inits.current(pod).name, full_name(pod)
    message = f"back-off {delay_us // SECOND_US}s restarting failed container={container} pod={name}"
    emit(world, key, "BackOff", f"Back-off restarting failed container {container} in pod {name}", warning=True)
    changes = {"restarts": pod.status.restarts + 1, "failures": failures, "last_termination": reason}
    pods.update(world, pod, ready=False, reason="CrashLoopBackOff", message=message, **changes)
    world.schedule(delay_us, "kubelet.start", key, uid)
