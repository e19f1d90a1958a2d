"""A pod that has come to a node, or waits there for what it mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import attach, images
from stratus_sim.cluster.kubelet.duty import on_duty
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_WAITING_REASONS = frozenset({"ContainerCreating", "CreateContainerConfigError"})


@watches("Pod")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    if old is not None and new is not None and new.status.node and not old.status.node:
        world.schedule(world.draw(str(new.key), "sync", 10_000, 50_000), "kubelet.sync", new.key, new.uid)


@watches("ConfigMap", "Secret", "PersistentVolumeClaim")
def on_mountable(world: World, old: Resource | None, new: Resource | None) -> None:
    """A pod that waits for an object, or for a key of it, looks again when one like it appears or changes."""
    if new is None or (old is not None and old.manifest is new.manifest):
        return
    for pod in world.store.list("Pod", new.key.namespace):
        if pod.status.node and pod.status.reason in _WAITING_REASONS and pod.status.message:
            world.schedule(
                world.draw(str(pod.key), "resync", SECOND_US, 5 * SECOND_US), "kubelet.sync", pod.key, pod.uid
            )


@handler("kubelet.sync")
def sync(world: World, key: ObjectKey, uid: int) -> None:
    """Mount volumes, then pull images: what stands in the way is reported, as kubectl would show it."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    missing = volumes.missing_mounts(world, pod)
    if missing:
        emit(world, key, "FailedMount", missing, warning=True)
        pods.update(world, pod, reason="ContainerCreating", message=missing)
    elif not attach.begin(world, pod):
        images.request(world, pod)


@handler("kubelet.attached")
def attached(world: World, key: ObjectKey, uid: int, names: tuple[str, ...]) -> None:
    """The pod's volumes are on its node."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    for name in names:
        emit(world, key, "SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{name}"')
    images.request(world, pod)
