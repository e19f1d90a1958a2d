"""Pods that are meant to end: what their restart policy makes of the end of a container.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Pod phase", "Container restart policy"): a pod has
ended when all its containers have, and failed when one of them failed; its sidecars are ended last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import container_status, lifecycle, pods
from stratus_sim.cluster.kubelet import reports
from stratus_sim.cluster.kubelet.duty import Run, on_duty
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

_LONGEST_US = 5 * SECOND_US
"""What work of unknown length takes at most; it is drawn between a second and this."""
_LEAST_US = 1_000
"""No process ends at the instant it starts: whoever hears of both has to hear of the start first."""


def expect(world: World, pod: Resource, container: Container, run: Run) -> None:
    """Set the timer for the end of a container that has just started, if it is meant to end, or does anyway."""
    stays = pod.spec.restart_policy not in ("Never", "OnFailure") or container.restart_policy == "Always"
    if stays and not lifecycle.evidently_ends(container):
        return
    end = world.processes.exit(container)
    after_us = end.after_us
    if after_us is None:
        after_us = world.draw(str(pod.key), "work", SECOND_US, _LONGEST_US)
    world.schedule(max(_LEAST_US, after_us), "kubelet.exited", run, "Error" if end.code else "Completed", end.code)


def restarts(pod: Resource, at: int, code: int) -> bool:
    """Whether a container that has ended with this exit code is started again; an init container only if it failed."""
    policy = pod.spec.restart_policy or "Always"
    if at < container_status.inits(pod.spec):
        return container_status.stays(pod, at) or (policy != "Never" and bool(code))
    return policy == "Always" or (policy == "OnFailure" and bool(code))


def settle(world: World, pod: Resource, at: int, end: dict[str, Any]) -> None:
    """Report the end of a container that stays ended, and with the last of them, or a failed init container, the pod's.

    `end` are the changes of its status.
    """
    changes = reports.changed(pod, at, end)
    after = msgspec.structs.replace(pod, status=msgspec.structs.replace(pod.status, **changes))
    reason = _verdict(after, at)
    delay_us = _sidecars_us(world, after) if reason else 0
    if reason and not delay_us:
        reports.finish(world, pod, reason, changes=changes)
        return
    pods.update(world, pod, **changes)
    if reason:
        world.schedule(delay_us, "kubelet.finished", pod.key, pod.uid, reason)


def _verdict(pod: Resource, at: int) -> str:
    """Why a pod has ended, `Completed` if well; empty while something of it is still to run."""
    first = container_status.inits(pod.spec)
    own = pod.status.containers[first:] or (pod.status,)
    if at < first:
        return container_status.of(pod, at).reason
    if any(one.state != "terminated" or restarts(pod, first + n, one.code) for n, one in enumerate(own)):
        return ""
    return next((one.reason for one in own if one.code), "Completed")


def _sidecars_us(world: World, pod: Resource) -> int:
    if not any(one.restart_policy == "Always" for one in pod.spec.init_containers or ()):
        return 0
    return lifecycle.termination(world, pod, container_status.running(pod))[0]


@handler("kubelet.finished")
def finished(world: World, key: ObjectKey, uid: int, reason: str) -> None:
    """The sidecars of a pod have ended after its containers."""
    pod = on_duty(world, key, uid)
    if pod is not None and not pod.deleting:
        reports.finish(world, pod, reason)
