"""Whether a kubelet has anything to do for a pod when one of its timers fires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster.objects import ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


def on_duty(world: World, key: ObjectKey, uid: int) -> Resource | None:
    """The pod if it is still this one and its kubelet lives: a dead node does nothing until it is back."""
    pod = world.store.get(key)
    if pod is None or pod.uid != uid:
        return None
    return pod if world.node_alive(pod.status.node) else None


def same_run(world: World, key: ObjectKey, uid: int, restarts: int) -> Resource | None:
    """The pod if nothing has been started anew in it since, and it is to stay."""
    pod = on_duty(world, key, uid)
    return pod if pod is not None and pod.status.restarts == restarts and not pod.deleting else None


def full_name(pod: Resource) -> str:
    """A pod as the kubelet writes it: name_namespace(uid)."""
    return f"{pod.key.name}_{pod.key.namespace}({pod.uid:08x})"
