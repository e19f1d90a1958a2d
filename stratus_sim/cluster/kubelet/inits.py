"""Init containers, one after the other, and sidecars, which are those that stay.

Follows kubernetes.io/docs/concepts/workloads/pods/init-containers and .../sidecar-containers: each must end well before
the next begins, a sidecar (`restartPolicy: Always`) must only have started; a failed one is tried again with a
back-off, or fails the pod where it is not to be restarted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import lifecycle, pods, probes, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet.duty import same_run
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

_LONGEST_US = 5 * SECOND_US
"""What an init container takes at most when its command line does not say."""


def pending(pod: Resource) -> bool:
    """Whether an init container of a pod has not ended yet."""
    return bool(pod.status.phase == "Pending" and pod.status.initialized < len(pod.spec.init_containers or ()))


def current(pod: Resource) -> Container:
    """The container that has its turn: an init container, or the first of the others."""
    turn: Container = pod.spec.init_containers[pod.status.initialized] if pending(pod) else pod.spec.containers[0]
    return turn


def unconfigured(world: World, pod: Resource) -> str:
    """What the environment of an init container lacks; empty when nothing."""
    if not pod.spec.init_containers:
        return ""
    spec = pod.manifest["spec"]
    twin = {**pod.manifest, "spec": {**spec, "containers": spec["initContainers"]}}
    return volumes.environments(world, msgspec.structs.replace(pod, manifest=twin))[1]


def run(world: World, pod: Resource) -> None:
    """Start the init container that has its turn."""
    container, index = current(pod), pod.status.initialized
    emit(world, pod.key, "Started", f"Started container {container.name}")
    pods.update(world, pod, reason="PodInitializing", message="")
    run_of = (pod.key, pod.uid, pod.status.restarts, index)
    if container.restart_policy == "Always":
        delay_us, failure = probes.startup(world, pod, container)
        world.schedule(delay_us, "kubelet.initialized", *run_of, "Error" if failure else "Completed")
        return
    end = lifecycle.command_exit(world, container, [*(container.command or ()), *(container.args or ())])
    after_us = world.draw(str(pod.key), "init", SECOND_US, _LONGEST_US) if end.after_us is None else end.after_us
    world.schedule(after_us, "kubelet.initialized", *run_of, "Error" if end.code else "Completed")


@handler("kubelet.initialized")
def initialized(world: World, key: ObjectKey, uid: int, restarts: int, index: int, reason: str) -> None:
    """An init container has ended, or a sidecar has started."""
    pod = same_run(world, key, uid, restarts)
    if pod is None or not pending(pod) or pod.status.initialized != index or pod.status.reason != "PodInitializing":
        return
    if reason != "Completed":
        world.schedule(0, "kubelet.exited", key, uid, reason)
        return
    pods.update(world, pod, initialized=index + 1, failures=0)
    world.schedule(world.draw(str(key), "start", 300_000, 1_500_000), "kubelet.start", key, uid)
