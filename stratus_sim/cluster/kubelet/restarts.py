"""Containers that end: what becomes of each and of its pod, and how long the next start waits.

Follows kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, "How Pods handle problems with containers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import container_status
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import completion, inits, repeats, reports
from stratus_sim.cluster.kubelet.back_off import FORGIVEN_AFTER_US, restart_us
from stratus_sim.cluster.kubelet.duty import Run, full_name, running
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@handler("kubelet.exited")
def exited(world: World, run: Run, reason: str, code: int) -> None:
    """A container has ended: it is started again, the next has its turn, or the pod has ended with it."""
    pod = running(world, run)
    if pod is None:
        return
    end = {"state": "terminated", "ready": False, "reason": reason, "last_termination": reason, "code": code}
    end["ended_us"] = world.now_us
    if completion.restarts(pod, run.at, code):
        _again(world, pod, run, end)
        return
    if not code and not container_status.stays(pod, run.at):
        reports.report(world, pod, run.at, end)
        inits.proceed(world, world.store.get(run.key) or pod, run.at)
    else:
        completion.settle(world, pod, run.at, end)


def _again(world: World, pod: Resource, run: Run, end: dict[str, Any]) -> None:
    found = container_status.of(pod, run.at)
    failures = 1 if world.now_us - found.started_us >= FORGIVEN_AFTER_US else found.failures + 1
    delay_us = restart_us(failures)
    waits = _back_off(world, pod, run, delay_us, repeats.said_again(found.failures)) if delay_us else {}
    if failures < found.failures:
        repeats.catch_up(world, pod, ("BackOff",))
    reports.report(world, pod, run.at, {**end, **waits, "failures": failures})
    world.schedule(delay_us, "kubelet.pull", run)


def _back_off(world: World, pod: Resource, run: Run, delay_us: int, before: int) -> dict[str, Any]:
    """Say that a container waits, and that this was said so often more `before`, during its last wait."""
    name, whole = container_status.all_of(pod.spec)[run.at].name, full_name(pod)
    emit(world, run.key, "BackOff", repeats.back_off(name, whole), warning=True, times=1 + before)
    message = f"back-off {delay_us // SECOND_US}s restarting failed container={name} pod={whole}"
    return {"state": "waiting", "reason": "CrashLoopBackOff", "message": message}
