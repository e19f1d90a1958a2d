"""Containers that are ended by their kubelet: one while its pod stays, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import container_status, lifecycle
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet.duty import Run
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World


def announce(world: World, pod: Resource) -> None:
    """Say of each container that runs that it is stopped."""
    for container in container_status.running(pod):
        emit(world, pod.key, "Killing", f"Stopping container {container.name}")


def kill(world: World, pod: Resource, run: Run, said: str, grace_s: int | None = None) -> None:
    """End a container as on deletion: its preStop hook, SIGTERM, SIGKILL; its restart policy decides what follows.

    `grace_s` stands in for the grace period of the pod.
    """
    emit(world, run.key, "Killing", said)
    container = container_status.all_of(pod.spec)[run.at]
    grace_us = lifecycle.grace_us(pod) if grace_s is None else grace_s * SECOND_US
    found = lifecycle.stop(world, container, lifecycle.reaction_us(world, pod), grace_us)
    if found.hook_failed:
        emit(world, run.key, "FailedPreStopHook", "PreStopHook failed", warning=True)
    world.schedule(found.after_us, "kubelet.exited", run, "Error", found.code)
