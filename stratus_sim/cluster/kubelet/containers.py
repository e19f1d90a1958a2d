"""The containers of a pod run: hooks, memory, probes, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import completion, lifecycle, pods, probes
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import inits, pressure, storage
from stratus_sim.cluster.kubelet.duty import on_duty, same_run
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.specs import limit_mib
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@handler("kubelet.start")
def start(world: World, key: ObjectKey, uid: int) -> None:
    """Run what has its turn; a memory limit below what the process needs kills it a moment later."""
    pod = on_duty(world, key, uid)
    if pod is None or pod.deleting:
        return
    if inits.pending(pod):
        inits.run(world, pod)
        return
    emit(world, key, "Started", f"Started container {pod.spec.containers[0].name}")
    pods.update(world, pod, phase="Running", reason="", message="", ready=False, started_us=world.now_us)
    if _too_small(world, pod):
        world.schedule(world.draw(str(key), "oom", 300_000, 2 * SECOND_US), "kubelet.exited", key, uid, "OOMKilled")
    elif lifecycle.hooked(pod, "post_start"):
        hook = lifecycle.run(world, pod, "post_start")
        world.schedule(hook.after_us or 0, "kubelet.post_started", key, uid, pod.status.restarts, hook.code)
    else:
        _attend(world, pod)


@handler("kubelet.post_started")
def post_started(world: World, key: ObjectKey, uid: int, restarts: int, code: int) -> None:
    """A container whose postStart hook fails is killed; until it ends nobody asks its probes."""
    pod = same_run(world, key, uid, restarts)
    if pod is None or pod.status.phase != "Running":
        return
    if code:
        emit(world, key, "FailedPostStartHook", "PostStartHook failed", warning=True)
        emit(world, key, "Killing", "FailedPostStartHook")
        world.schedule(0, "kubelet.exited", key, uid, "Error")
    else:
        _attend(world, pod)


def _attend(world: World, pod: Resource) -> None:
    probes.begin(world, pod)
    completion.expect(world, pod)
    writes = storage.used_mib(world, pod) > 0
    excess = storage.excess(world, pod) if writes else ""
    if excess:
        delay_us = world.draw(str(pod.key), "eviction", SECOND_US, pressure.PERIOD_US)
        world.schedule(delay_us, "kubelet.outgrown", pod.key, pod.uid, pod.status.restarts, excess)
    else:
        pressure.observe(world, pod, writes=writes)


@handler("kubelet.outgrown")
def outgrown(world: World, key: ObjectKey, uid: int, restarts: int, message: str) -> None:
    """A pod that has written more than it may is evicted."""
    pod = same_run(world, key, uid, restarts)
    if pod is not None and pod.status.phase == "Running" and not pod.status.reason:
        pressure.evict(world, pod, message)


def _too_small(world: World, pod: Resource) -> bool:
    limits = [(c.name, limit) for c in pod.spec.containers if (limit := limit_mib(c)) is not None]
    if not limits:
        return False
    workload = pods.root_owner(world, pod)
    return any(limit < world.processes.memory_mib(workload, name) for name, limit in limits)


@handler("kubelet.terminated")
def terminated(world: World, key: ObjectKey, uid: int) -> None:
    """Graceful termination is over; on a dead node the pod stays until the node is back."""
    if on_duty(world, key, uid) is not None:
        world.store.remove(key)
