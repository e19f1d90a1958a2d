"""Whether a kubelet has anything to do for a pod when one of its timers fires."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of

if TYPE_CHECKING:
    from stratus_sim.world import World


class Run(NamedTuple):
    """One run of a container, what a timer is about: `at` is the container's place, `run` counts its restarts."""

    key: ObjectKey
    uid: int
    at: int
    run: int


def run_of(pod: Resource, at: int) -> Run:
    """The present run of a container; while it waits, the one that is over."""
    return Run(pod.key, pod.uid, at, container_status.of(pod, at).restarts)


def on_duty(world: World, key: ObjectKey, uid: int) -> Resource | None:
    """The pod if it is still this one and its kubelet lives: a dead node does nothing until it is back."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid:
        return None
    return pod if world.node_alive(pod.status.node) else None


def waiting(world: World, run: Run) -> Resource | None:
    """The pod if this container of it is still to be started."""
    key, uid, at, count = run
    pod = world.store.get(key)
    if pod is None or pod.uid != uid or pod.deleting or pods.ended(pod):
        return None
    found = container_status.of(pod, at)
    due = found.restarts == count and found.state != "running"
    return pod if due and world.node_alive(pod.status.node) else None


def running(world: World, run: Run) -> Resource | None:
    """The pod if this container of it has run without a break since the timer was set."""
    key, uid, at, count = run
    pod = world.store.get(key)
    if pod is None or pod.uid != uid or pod.deleting:
        return None
    found = container_status.of(pod, at)
    due = found.restarts == count and found.state == "running"
    return pod if due and world.node_alive(pod.status.node) else None


def full_name(pod: Resource) -> str:
    """A pod as the kubelet writes it: name_namespace(uid)."""
    return f"{pod.key.name}_{pod.key.namespace}({uuid_of(pod.uid)})"
