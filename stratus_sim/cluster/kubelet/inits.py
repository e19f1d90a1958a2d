"""Init containers, one after the other, and sidecars, which are those that stay.

Follows kubernetes.io/docs/concepts/workloads/pods/init-containers and .../sidecar-containers: each must end well before
the next begins, a sidecar (`restartPolicy: Always`) must only have started; a failed one is tried again with a
back-off, or fails the pod where it is not to be restarted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import lifecycle
from stratus_sim.cluster.kubelet import images, probes, reports
from stratus_sim.cluster.kubelet.duty import Run, running
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US, handler
from stratus_sim.manifests.pod_shapes import Container

if TYPE_CHECKING:
    from stratus_sim.world import World

_LONGEST_US = 5 * SECOND_US
"""What an init container takes at most when its command line does not say."""


def work(world: World, container: Container, run: Run) -> None:
    """Set the timer for the end of an init container that has just started."""
    end = lifecycle.command_exit(world, container, [*(container.command or ()), *(container.args or ())])
    after_us = world.draw(str(run.key), "init", SECOND_US, _LONGEST_US) if end.after_us is None else end.after_us
    world.schedule(after_us, "kubelet.exited", run, "Error" if end.code else "Completed", end.code)


def await_sidecar(world: World, pod: Resource, container: Container, run: Run) -> None:
    """Set the timer for a sidecar that others wait for to have started; a startup probe that fails kills it first."""
    if pod.status.initialized == run.at:
        delay_us, failure = probes.startup(world, pod, container)
        if failure is None:
            world.schedule(delay_us, "kubelet.sidecar_started", run)


@handler("kubelet.sidecar_started")
def sidecar_started(world: World, run: Run) -> None:
    pod = running(world, run)
    if pod is not None and pod.status.initialized == run.at:
        proceed(world, pod, run.at)


def proceed(world: World, pod: Resource, at: int) -> None:
    """An init container is done: the next one has its turn, or the pod's own containers."""
    reports.update(world, pod, at, initialized=at + 1, failures=0)
    images.begin(world, world.store.get(pod.key) or pod)
