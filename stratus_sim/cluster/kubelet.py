"""Kubelet: pull, mount, start, watch memory, restart with back-off.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle. Nothing is polled: a timer is set only for what
will change something, so a quiet node costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import pods, probes, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import limit_mib
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

BACK_OFF_US = 10 * SECOND_US
BACK_OFF_CAP_US = 300 * SECOND_US
_CONFIG_REASONS = frozenset({"ContainerCreating", "CreateContainerConfigError"})


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is not None and new is not None and new.status.node and not old.status.node:
        world.schedule(world.draw(str(new.key), "sync", 10_000, 50_000), "kubelet.sync", new.key, new.uid)


@watches("ConfigMap", "Secret", "PersistentVolumeClaim")
def on_mountable(world: World, old: Resource | None, new: Resource | None) -> None:
    """A pod that waits for a missing object looks again when one like it appears."""
    if old is not None or new is None:
        return
    for pod in world.store.list("Pod", new.key.namespace):
        if pod.status.node and pod.status.reason in _CONFIG_REASONS and pod.status.message:
            world.schedule(
                world.draw(str(pod.key), "resync", SECOND_US, 5 * SECOND_US), "kubelet.sync", pod.key, pod.uid
            )


def on_duty(world: World, key: ObjectKey, uid: int) -> Resource | None:
    """The pod if it is still this one and its kubelet lives: a dead node does nothing until it is back."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid:
        return None
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    return pod if node is not None and node.status.heartbeat else None


@handler("kubelet.sync")
def sync(world: World, key: ObjectKey, uid: int) -> None:
    """Mount volumes, then pull images: what stands in the way is reported, as kubectl would show it."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    missing = volumes.missing_mounts(world, pod)
    if missing:
        emit(world, key, "FailedMount", missing, warning=True)
        pods.update(world, pod, reason="ContainerCreating", message=missing)
        return
    images = [c.image for c in pod.spec.containers]
    cached = world.store.state.objects[ObjectKey("Node", "", pod.status.node)].status.images
    if all(image in cached for image in images):
        world.schedule(0, "kubelet.pulled", key, uid)
    else:
        world.schedule(world.draw(str(key), "pull", 500_000, 3 * SECOND_US), "kubelet.pulled", key, uid)


@handler("kubelet.pulled")
def pulled(world: World, key: ObjectKey, uid: int) -> None:
    """Images are there, or will never be: then environment and start."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    lacking = [c.image for c in pod.spec.containers if not world.processes.image_exists(c.image)]
    if lacking:
        message = f'Failed to pull image "{lacking[0]}": not found'
        emit(world, key, "Failed", message, warning=True)
        pods.update(world, pod, reason="ErrImagePull", message=message)
        world.schedule(BACK_OFF_US, "kubelet.pull_back_off", key, uid)
        return
    _cache_images(world, pod)
    environments, problem = volumes.environments(world, pod)
    if problem:
        emit(world, key, "Failed", f"Error: {problem}", warning=True)
        pods.update(world, pod, reason="CreateContainerConfigError", message=problem)
        return
    pods.update(world, pod, env=environments, reason="ContainerCreating", message="")
    world.schedule(world.draw(str(key), "start", 300_000, 1_500_000), "kubelet.start", key, uid)


@handler("kubelet.pull_back_off")
def pull_back_off(world: World, key: ObjectKey, uid: int) -> None:
    pod = on_duty(world, key, uid)
    if pod is not None and pod.status.reason == "ErrImagePull":
        emit(
            world,
            key,
            "BackOff",
            pod.status.message.replace("Failed to pull", "Back-off pulling"),
            warning=True,
        )
        pods.update(world, pod, reason="ImagePullBackOff")


def _cache_images(world: World, pod: Resource) -> None:
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    if node is not None:
        images = node.status.images | {c.image for c in pod.spec.containers}
        world.store.report(node.key, msgspec.structs.replace(node.status, images=images))


@handler("kubelet.start")
def start(world: World, key: ObjectKey, uid: int) -> None:
    """Run the containers; a memory limit below what the process needs kills it a moment later."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    emit(world, key, "Started", f"Started container {pod.spec.containers[0].name}")
    pods.update(world, pod, phase="Running", reason="", message="", ready=False)
    if _too_small(world, pod):
        world.schedule(world.draw(str(key), "oom", 300_000, 2 * SECOND_US), "kubelet.exited", key, uid, "OOMKilled")
    else:
        probes.begin(world, pod)


def _too_small(world: World, pod: Resource) -> bool:
    limits = [(c.name, limit) for c in pod.spec.containers if (limit := limit_mib(c)) is not None]
    if not limits:
        return False
    workload = pods.root_owner(world, pod)
    return any(limit < world.processes.memory_mib(workload, name) for name, limit in limits)


@handler("kubelet.exited")
def exited(world: World, key: ObjectKey, uid: int, reason: str) -> None:
    """A container ended: wait ten seconds, twice as long each further time, at most five minutes."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    restarts = pod.status.restarts + 1
    delay_us = min(BACK_OFF_CAP_US, BACK_OFF_US << min(restarts - 1, 10))
    message = f"back-off {delay_us // SECOND_US}s restarting failed container={pod.spec.containers[0].name}"
    emit(world, key, "BackOff", message, warning=True)
    changes = {"ready": False, "restarts": restarts, "last_termination": reason}
    pods.update(world, pod, reason="CrashLoopBackOff", message=message, **changes)
    world.schedule(delay_us, "kubelet.start", key, uid)


@handler("kubelet.terminated")
def terminated(world: World, key: ObjectKey, uid: int) -> None:
    """Graceful termination is over; on a dead node the pod stays until the node is back."""
    if on_duty(world, key, uid) is not None:
        world.store.remove(key)
