"""Images: pulled where they are not, with a back-off where they cannot be; then the pod's environment.

Follows kubernetes.io/docs/concepts/containers/images ("Image pull policy", "ImagePullBackOff", "Specifying
imagePullSecrets on a Pod") and the texts of kubelet and containerd. A registry asks nobody who he is: a missing pull
secret is reported, and the pull tried without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stratus_sim.cluster import pods, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import inits
from stratus_sim.cluster.kubelet.duty import on_duty
from stratus_sim.cluster.kubelet.restarts import back_off_us
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

_RESYNC_US = 10 * SECOND_US
"""How long kubelet leaves a pod alone whose sync has failed."""


class _Refusal(NamedTuple):
    """Why an image is not there: the reason kubectl shows, the image, and what the container runtime says."""

    reason: str
    image: str
    message: str


def request(world: World, pod: Resource) -> None:
    """Have the images of a pod; those on the node already cost no time."""
    if all(c.image in _present(world, pod) for c in _all(pod)):
        world.schedule(0, "kubelet.pulled", pod.key, pod.uid)
    else:
        delay_us = world.draw(str(pod.key), "pull", 500_000, 3 * SECOND_US)
        world.schedule(delay_us, "kubelet.pulled", pod.key, pod.uid)


@handler("kubelet.pulled")
def pulled(world: World, key: ObjectKey, uid: int) -> None:
    """Images are there, or will not be for a while: then environment and start."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    _ask_for_secrets(world, pod)
    refusal = _refused(world, pod)
    if refusal is not None:
        _fail(world, pod, refusal)
        return
    _cache(world, pod)
    _create(world, pod)


def _create(world: World, pod: Resource) -> None:
    environments, problem = volumes.environments(world, pod)
    problem = inits.unconfigured(world, pod) or problem
    if problem:
        emit(world, pod.key, "Failed", f"Error: {problem}", warning=True)
        pods.update(world, pod, reason="CreateContainerConfigError", message=problem)
        return
    pods.update(world, pod, env=environments, reason="ContainerCreating", message="", failures=0)
    world.schedule(world.draw(str(pod.key), "start", 300_000, 1_500_000), "kubelet.start", pod.key, pod.uid)


def _fail(world: World, pod: Resource, refusal: _Refusal) -> None:
    if refusal.reason == "ErrImagePull":
        emit(world, pod.key, "Failed", f'Failed to pull image "{refusal.image}": {refusal.message}', warning=True)
        emit(world, pod.key, "Failed", "Error: ErrImagePull", warning=True)
    else:
        emit(world, pod.key, refusal.reason, refusal.message, warning=True)
    pods.update(world, pod, reason=refusal.reason, message=refusal.message, failures=pod.status.failures + 1)
    world.schedule(_RESYNC_US, "kubelet.pull_back_off", pod.key, pod.uid)


@handler("kubelet.pull_back_off")
def pull_back_off(world: World, key: ObjectKey, uid: int) -> None:
    """Wait before the next attempt, ten seconds and twice as long each time up to five minutes."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting or pod.status.reason not in ("ErrImagePull", "ErrImageNeverPull"):
        return
    refusal = _refused(world, pod)
    if refusal is not None and refusal.reason == "ErrImagePull":
        waiting = f'Back-off pulling image "{refusal.image}"'
        emit(world, key, "BackOff", waiting)
        emit(world, key, "Failed", "Error: ImagePullBackOff", warning=True)
        pods.update(world, pod, reason="ImagePullBackOff", message=f"{waiting}: ErrImagePull: {refusal.message}")
    world.schedule(back_off_us(pod.status.failures), "kubelet.pulled", key, uid)


def _refused(world: World, pod: Resource) -> _Refusal | None:
    """The first image that is not on the node and cannot be had."""
    present = _present(world, pod)
    for container in _all(pod):
        image, policy = container.image or "", pull_policy(container)
        if policy == "Never" and image not in present:
            message = f'Container image "{image}" is not present with pull policy of Never'
            return _Refusal("ErrImageNeverPull", image, message)
        if (policy == "Always" or image not in present) and not world.processes.image_exists(image):
            return _Refusal("ErrImagePull", image, _not_found(image))
    return None


def pull_policy(container: Container) -> str:
    """`imagePullPolicy`; without it Always for the tag `latest`, given or meant, else IfNotPresent."""
    if container.image_pull_policy:
        return container.image_pull_policy
    image = container.image or ""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "IfNotPresent" if "@" in image or tag not in ("", "latest") else "Always"


def _not_found(image: str) -> str:
    host, _, rest = image.partition("/")
    named = image if rest and ("." in host or ":" in host or host == "localhost") else None
    where = named or ("docker.io/" + ("" if rest else "library/") + image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{where}": '
        f'failed to resolve reference "{where}": {where}: not found'
    )


def _ask_for_secrets(world: World, pod: Resource) -> None:
    named = [ref.name for ref in pod.spec.image_pull_secrets or ()]
    namespace = pod.key.namespace
    missing = [name for name in named if world.store.get(ObjectKey("Secret", namespace, name)) is None]
    if missing:
        said = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
        message = f"{said}; attempting to pull the image may not succeed."
        emit(world, pod.key, "FailedToRetrieveImagePullSecret", message, warning=True)


def _all(pod: Resource) -> list[Container]:
    return [*(pod.spec.init_containers or ()), *pod.spec.containers]


def _present(world: World, pod: Resource) -> frozenset[str]:
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    return node.status.images if node is not None else frozenset()


def _cache(world: World, pod: Resource) -> None:
    node = world.store.get(ObjectKey("Node", "", pod.status.node))
    if node is not None:
        images = {c.image for c in _all(pod)}
        if not images <= node.status.images:
            world.store.report(node.key, msgspec.structs.replace(node.status, images=node.status.images | images))
