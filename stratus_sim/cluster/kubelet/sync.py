"""A pod that has come to a node, waits there for what it mounts, or finds its node started anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import attach, images, repeats, reports
from stratus_sim.cluster.kubelet.duty import on_duty, run_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import NODE, watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_UNCONFIGURED = "CreateContainerConfigError"


@watches("Pod", of=NODE)
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is not None and new is not None and new.status.node and not old.status.node:
        world.schedule(world.draw(str(new.key), "sync", 10_000, 50_000), "kubelet.sync", new.key, new.uid)
        deadline_s = new.spec.active_deadline_seconds
        if deadline_s is not None:
            world.schedule(deadline_s * SECOND_US, "kubelet.deadline", new.key, new.uid)


@watches("ConfigMap", "Secret", "PersistentVolumeClaim")
def on_mountable(world: World, old: Resource | None, new: Resource | None) -> None:
    """Who waits for an object, or for a key of it, looks again when one like it appears or changes."""
    if new is None or (old is not None and old.manifest is new.manifest):
        return
    for pod in world.store.list("Pod", new.key.namespace):
        if pod.status.node and pods.active(pod):
            _look_again(world, pod)


def _look_again(world: World, pod: Resource) -> None:
    if pod.status.reason == "ContainerCreating" and pod.status.message:
        world.schedule(_soon_us(world, pod), "kubelet.sync", pod.key, pod.uid)
        return
    each = pod.status.containers or (pod.status,)
    for at, one in enumerate(each):
        if one.reason == _UNCONFIGURED:
            world.schedule(_soon_us(world, pod), "kubelet.pull", run_of(pod, at))


def _soon_us(world: World, pod: Resource) -> int:
    return world.draw(str(pod.key), "resync", SECOND_US, 5 * SECOND_US)


@handler("kubelet.sync")
def sync(world: World, key: ObjectKey, uid: int) -> None:
    """Mount volumes, then pull images: what stands in the way is reported, as kubectl would show it."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    if pod.status.message:
        repeats.catch_up(world, pod, ("FailedMount",))
    missing = volumes.missing_mounts(world, pod)
    if missing:
        emit(world, key, "FailedMount", missing, warning=True)
    if missing != pod.status.message:
        pods.update(world, pod, reason="ContainerCreating", message=missing)
        pod = world.store.get(key) or pod
    if not missing and not attach.begin(world, pod):
        images.begin(world, pod)


@handler("kubelet.attached")
def attached(world: World, key: ObjectKey, uid: int, names: tuple[str, ...]) -> None:
    """The pod's volumes are on its node."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    for name in names:
        emit(world, key, "SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{name}"')
    images.begin(world, pod)


@handler("kubelet.resume")
def resume(world: World, key: ObjectKey, uid: int) -> None:
    """The node has started anew: nothing of the pod runs any more, and it starts again if it may."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    repeats.catch_up(world, pod)
    ran = reports.lose(world, pod)
    if ran and pod.spec.restart_policy == "Never":
        reports.finish(world, world.store.get(key) or pod, "Error")
        return
    if ran:
        emit(world, key, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    sync(world, key, uid)
