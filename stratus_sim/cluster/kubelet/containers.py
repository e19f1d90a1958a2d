"""A container runs: hooks, memory, probes, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import container_status, lifecycle, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import completion, images, inits, pressure, probes, repeats, reports, storage
from stratus_sim.cluster.kubelet.duty import Run, on_duty, running, waiting
from stratus_sim.cluster.kubelet.killing import kill
from stratus_sim.cluster.objects import ObjectKey, Resource, finalizers_of
from stratus_sim.cluster.specs import limit_mib
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World


@handler("kubelet.start")
def start(world: World, run: Run) -> None:
    """Run a container; a memory limit below what its process needs kills it a moment later."""
    pod = waiting(world, run)
    if pod is None:
        return
    container = container_status.all_of(pod.spec)[run.at]
    emit(world, run.key, "Started", f"Started container {container.name}")
    before = container_status.of(pod, run.at)
    restarts = run.run + bool(before.started_us)
    changes = {"state": "running", "reason": "", "message": "", "ready": False, "restarts": restarts}
    changes |= {"started_us": world.now_us, "previous_us": before.started_us}
    if before.streaks:
        changes |= repeats.over(world, pod, run.at)
    if not pod.status.containers:
        changes["phase"] = "Running"
    reports.report(world, pod, run.at, changes)
    _begin(world, pod, container, Run(run.key, run.uid, run.at, restarts) if restarts else run)


def _begin(world: World, pod: Resource, container: Container, run: Run) -> None:
    """See to a container that runs; `pod` is as it was before."""
    hook = lifecycle.hook(world, container, "post_start") if container.lifecycle is not None else None
    if _too_small(world, pod, container):
        delay_us = world.draw(images.entity(pod, run.at), "oom", 300_000, 2 * SECOND_US)
        world.schedule(delay_us, "kubelet.exited", run, "OOMKilled", lifecycle.KILLED)
    elif not container_status.stays(pod, run.at):
        inits.work(world, container, run)
    elif hook is not None:
        world.schedule(hook.after_us or 0, "kubelet.post_started", run, hook.code)
        return
    else:
        attend(world, pod, container, run)
    if pod.status.containers:
        images.proceed(world, run)


@handler("kubelet.post_started")
def post_started(world: World, run: Run, code: int) -> None:
    """A container whose postStart hook fails is killed; until it ends neither its probes are asked nor others start."""
    pod = running(world, run)
    if pod is None:
        return
    container = container_status.all_of(pod.spec)[run.at]
    if code:
        emit(world, run.key, "FailedPostStartHook", "PostStartHook failed", warning=True)
        kill(world, pod, run, "FailedPostStartHook")
    else:
        attend(world, pod, container, run)
    if pod.status.containers:
        images.proceed(world, run)


def attend(world: World, pod: Resource, container: Container, run: Run) -> None:
    """Watch a container that is up: its probes, its end, what it writes."""
    probes.begin(world, pod, run)
    completion.expect(world, pod, container, run)
    if run.at < container_status.inits(pod.spec):
        inits.await_sidecar(world, pod, container, run)
    writes = storage.used_mib(world, pod) > 0
    excess = storage.excess(world, pod) if writes else ""
    if excess:
        delay_us = world.draw(str(pod.key), "eviction", SECOND_US, pressure.PERIOD_US)
        world.schedule(delay_us, "kubelet.outgrown", run, excess)
    else:
        pressure.observe(world, pod, writes=writes)


@handler("kubelet.outgrown")
def outgrown(world: World, run: Run, message: str) -> None:
    """A pod that has written more than it may is evicted."""
    pod = running(world, run)
    if pod is not None:
        pressure.evict(world, pod, message)


def _too_small(world: World, pod: Resource, container: Container) -> bool:
    limit = limit_mib(container)
    return limit is not None and limit < world.processes.memory_mib(pods.root_owner(world, pod), container.name)


@handler("kubelet.terminated")
def terminated(world: World, key: ObjectKey, uid: int) -> None:
    """Graceful termination is over; on a dead node the pod stays until the node is back.

    One that somebody holds by a finalizer stays too, but nothing of it runs any more.
    """
    pod = on_duty(world, key, uid)
    if pod is None:
        return
    if finalizers_of(pod.manifest) and not pods.ended(pod):
        reports.finish(world, pod, "Error")
    world.store.remove(key)
