"""Images: pulled where they are not, with a back-off where they cannot be; then the pod's environment.

Follows kubernetes.io/docs/concepts/containers/images ("Image pull policy", "ImagePullBackOff", "Specifying
imagePullSecrets on a Pod") and the texts of kubelet and containerd. A registry asks nobody who he is: a missing pull
secret is reported, and the pull tried without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from stratus_sim.cluster import container_status, volumes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import repeats, reports
from stratus_sim.cluster.kubelet.back_off import back_off_us
from stratus_sim.cluster.kubelet.duty import Run, run_of, waiting
from stratus_sim.cluster.kubelet.refusals import Refusal, full_name, malformed, pull_policy, refused
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_TRIED_AGAIN = ("ImagePullBackOff", "CreateContainerConfigError")
_REFUSED = ("ErrImagePull", "ErrImageNeverPull", "InvalidImageName")
_RESYNC_US = 10 * SECOND_US
"""How long kubelet leaves a pod alone whose sync has failed."""
_SMALLEST_BYTES = 4 << 20


def begin(world: World, pod: Resource) -> None:
    """Start the containers of a pod whose volumes are there: the first, which brings the next along."""
    pod, first = reports.open_up(world, pod), container_status.inits(pod.spec)
    if pod.status.initialized < first:
        request(world, pod, run_of(pod, pod.status.initialized))
    else:
        _start_next(world, pod, first)


def proceed(world: World, run: Run) -> None:
    """The container after one that has started, or cannot yet, has its turn, unless it had it before."""
    pod = world.store.get(run.key)
    if pod is not None and run.at >= container_status.inits(pod.spec):
        _start_next(world, pod, run.at + 1)


def _start_next(world: World, pod: Resource, at: int) -> None:
    """Start the container at a place, or after it where that one is done for good."""
    number = len(container_status.all_of(pod.spec))
    while at < number and _done(pod, at):
        at += 1
    if at < number and (not pod.status.containers or _untouched(pod.status.containers[at])):
        request(world, pod, run_of(pod, at))


def _done(pod: Resource, at: int) -> bool:
    one = container_status.of(pod, at)
    return one.state == "terminated" and not one.code and pod.spec.restart_policy in ("Never", "OnFailure")


def _untouched(one: ContainerStatus) -> bool:
    return one.state != "running" and one.reason in ("", "Unknown")


def request(world: World, pod: Resource, run: Run) -> None:
    """Have the image of a container; one that is there costs no time, or the question whether it is the newest."""
    at, container = run.at, container_status.all_of(pod.spec)[run.at]
    if pod.status.containers and not container_status.of(pod, at).started_us:
        reports.update(world, pod, at, reason=_creating(pod, at), message="")
    policy, took_us = pull_policy(container), 0
    present = container.image in _present(_node(world, pod))
    if (policy == "Always" or (policy != "Never" and not present)) and not malformed(container.image or ""):
        emit(world, pod.key, "Pulling", f'Pulling image "{container.image}"')
        low_us, high_us = (100_000, 400_000) if present else (500_000, 3 * SECOND_US)
        took_us = world.draw(entity(pod, at), "pull", low_us, high_us)
    world.schedule(took_us, "kubelet.pulled", run, took_us)


def entity(pod: Resource, at: int) -> str:
    """Whose luck it is how long things take: the pod's, or that of a container beside the first."""
    return str(pod.key) if not at else f"{pod.key}/{container_status.all_of(pod.spec)[at].name}"


@handler("kubelet.pull")
def pull(world: World, run: Run) -> None:
    """A container is to be started again, or tried again."""
    pod = waiting(world, run)
    if pod is not None:
        if container_status.of(pod, run.at).reason in _TRIED_AGAIN:
            repeats.catch_up(world, pod, ("Failed", "BackOff"))
        request(world, pod, run)


@handler("kubelet.pulled")
def pulled(world: World, run: Run, took_us: int) -> None:
    """The image is there, or will not be for a while: then environment and start."""
    pod = waiting(world, run)
    if pod is None:
        return
    if pod.spec.image_pull_secrets:
        _ask_for_secrets(world, pod)
    container, node = container_status.all_of(pod.spec)[run.at], _node(world, pod)
    refusal = refused(world, container, _present(node))
    if refusal is not None:
        _fail(world, pod, run, refusal)
        return
    emit(world, run.key, "Pulled", _pulled(container.image, took_us))
    if node is not None and container.image not in node.status.images:
        images = node.status.images | {container.image}
        world.store.report(node.key, msgspec.structs.replace(node.status, images=images))
    _create(world, pod, run)


def _pulled(image: str | None, took_us: int) -> str:
    if not took_us:
        return f'Container image "{image}" already present on machine'
    took = f"{took_us // 1000}ms" if took_us < SECOND_US else f"{took_us // 1000 / 1000:g}s"
    size = f"Image size: {_size_bytes(image or '')} bytes."
    return f'Successfully pulled image "{image}" in {took} ({took} including waiting). {size}'


@lru_cache(maxsize=4096)
def _size_bytes(image: str) -> int:
    """What a registry sends for an image: nobody knows, but it is the same for everybody, and of some 4 to 200 MiB."""
    return _SMALLEST_BYTES + crc32(full_name(image).encode()) % (50 * _SMALLEST_BYTES)


def _create(world: World, pod: Resource, run: Run) -> None:
    container = container_status.manifest_of(pod, run.at)
    environment, problem = volumes.environment(world, pod, container)
    if problem:
        emit(world, run.key, "Failed", f"Error: {problem}", warning=True)
        reports.update(world, pod, run.at, state="waiting", reason="CreateContainerConfigError", message=problem)
        proceed(world, run)
        return
    _ready_to_start(world, pod, run.at, {**pod.status.env, container["name"]: environment})
    emit(world, run.key, "Created", f"Created container: {container['name']}")
    world.schedule(world.draw(entity(pod, run.at), "start", 300_000, 1_500_000), "kubelet.start", run)


def _ready_to_start(world: World, pod: Resource, at: int, env: dict[str, Mapping[str, str]]) -> None:
    found = container_status.of(pod, at)
    if not found.started_us:
        reports.update(world, pod, at, env=env, attempts=0, reason=_creating(pod, at), message="")
    elif found.attempts or pod.status.env != env:
        reports.update(world, pod, at, env=env, attempts=0)


def _creating(pod: Resource, at: int) -> str:
    return "PodInitializing" if at < container_status.inits(pod.spec) else "ContainerCreating"


def _fail(world: World, pod: Resource, run: Run, refusal: Refusal) -> None:
    pulled = f'Failed to pull image "{refusal.image}": ' if refusal.reason == "ErrImagePull" else ""
    emit(world, pod.key, refusal.event, pulled + refusal.message, warning=True)
    emit(world, pod.key, "Failed", f"Error: {refusal.reason}", warning=True)
    attempts = container_status.of(pod, run.at).attempts + 1
    changes = {"state": "waiting", "reason": refusal.reason, "message": refusal.message, "attempts": attempts}
    reports.update(world, pod, run.at, **changes)
    world.schedule(_RESYNC_US, "kubelet.pull_back_off", run)
    proceed(world, run)


@handler("kubelet.pull_back_off")
def pull_back_off(world: World, run: Run) -> None:
    """Wait before the next attempt, ten seconds and twice as long each time up to five minutes."""
    pod = waiting(world, run)
    if pod is None or container_status.of(pod, run.at).reason not in _REFUSED:
        return
    refusal = refused(world, container_status.all_of(pod.spec)[run.at], _present(_node(world, pod)))
    if refusal is not None and refusal.reason == "ErrImagePull":
        said = f'Back-off pulling image "{refusal.image}"'
        emit(world, run.key, "BackOff", said)
        emit(world, run.key, "Failed", "Error: ImagePullBackOff", warning=True)
        message = f"{said}: ErrImagePull: {refusal.message}"
        reports.update(world, pod, run.at, reason="ImagePullBackOff", message=message)
    world.schedule(back_off_us(container_status.of(pod, run.at).attempts), "kubelet.pull", run)


def _ask_for_secrets(world: World, pod: Resource) -> None:
    named = [ref.name for ref in pod.spec.image_pull_secrets or ()]
    namespace = pod.key.namespace
    missing = [name for name in named if world.store.get(ObjectKey("Secret", namespace, name)) is None]
    if missing:
        said = f"Unable to retrieve some image pull secrets ({', '.join(missing)})"
        message = f"{said}; attempting to pull the image may not succeed."
        emit(world, pod.key, "FailedToRetrieveImagePullSecret", message, warning=True)


def _node(world: World, pod: Resource) -> Resource | None:
    return world.store.get(node_key(pod.status.node))


def _present(node: Resource | None) -> frozenset[str]:
    """The images a node has."""
    return node.status.images if node is not None else frozenset()
