"""Taint eviction controller: NoExecute taints send pods away, at once or when they have tolerated them long enough.

Follows kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration ("Taint based Evictions"): of the
tolerations that cover a taint the shortest `tolerationSeconds` counts, one without them alone holds for ever; a node
that does not answer has a taint everybody tolerates for five minutes unless he says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import disruption, pods, taints
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import watches
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

TOLERATION_US = 300 * SECOND_US
"""What admission (DefaultTolerationSeconds) gives to pods that say nothing about a node that does not answer."""


def endures_us(pod: Resource, taint: Mapping[str, Any]) -> int | None:
    """How long a pod stays where there is such a taint, in microseconds; None for ever, 0 without a toleration."""
    found = taints.tolerating(pod, taint)
    if not found:
        return TOLERATION_US if taint == taints.UNREACHABLE else 0
    seconds = [t["tolerationSeconds"] for t in found if t.get("tolerationSeconds") is not None]
    return max(0, min(seconds)) * SECOND_US if seconds else None


@watches("Node")
def on_node(world: World, old: Resource | None, new: Resource | None) -> None:
    """Note since when a node has which NoExecute taints, and set the clocks of its pods."""
    if new is None or (old is not None and old.manifest is new.manifest):
        return
    known, present = new.status.tainted, {_text(taint): taint for taint in evicting(new)}
    if known.keys() == present.keys():
        return
    since = known.mutate()
    for text in known.keys() - present.keys():
        del since[text]
    for text in present.keys() - known.keys():
        since[text] = world.now_us
    world.store.report(new.key, msgspec.structs.replace(new.status, tainted=since.finish()))
    added = [taint for text, taint in present.items() if text not in known]
    for pod in world.store.on_node(new.key.name):
        _set_clock(world, pod, added)


def arrive(world: World, pod: Resource, node: Resource) -> None:
    """Set the clock of a pod that comes to a node with such taints."""
    _set_clock(world, pod, evicting(node))


def _set_clock(world: World, pod: Resource, added: list[Mapping[str, Any]]) -> None:
    waits = [wait for taint in added if (wait := endures_us(pod, taint)) is not None]
    if not waits or pods.ended(pod):
        return
    if min(waits):
        world.schedule(min(waits), "taints.evict", pod.key, pod.uid)
    else:
        _evict(world, pod)


@handler("taints.evict")
def evict(world: World, key: ObjectKey, uid: int) -> None:
    """A pod has tolerated a taint of its node as long as it does, if it has been there all the time."""
    pod = world.store.get(key)
    node = world.store.get(ObjectKey("Node", "", pod.status.node)) if pod is not None else None
    if pod is None or pod.uid != uid or node is None:
        return
    times = [(endures_us(pod, taint), node.status.tainted.get(_text(taint))) for taint in evicting(node)]
    found = [(wait, max(since, pod.created_us)) for wait, since in times if wait is not None and since is not None]
    if any(world.now_us - since >= wait for wait, since in found):
        _evict(world, pod)


def lose(world: World, node: str) -> None:
    """Set the clocks for the pods of a node that does not answer from now on, one for each time there is."""
    waits = {endures_us(pod, taints.UNREACHABLE) for pod in world.store.on_node(node)} | {TOLERATION_US}
    for wait in sorted(wait for wait in waits if wait is not None):
        world.schedule(wait, "node.evict", node)


@handler("node.evict")
def evict_lost(world: World, name: str) -> None:
    """Send away the pods that have tolerated long enough that their node does not answer."""
    node = world.store.get(ObjectKey("Node", "", name))
    if node is None or node.status.evicting_us is None:
        return
    for pod in world.store.on_node(name):
        wait = endures_us(pod, taints.UNREACHABLE)
        if wait is not None and world.now_us - node.status.evicting_us >= wait:
            _evict(world, pod)


def call_off(world: World, node: str) -> None:
    """Tell the pods that were to go from a node that they stay: it answers again, or nobody is sent away for now."""
    for pod in world.store.on_node(node):
        if not pod.deleting and endures_us(pod, taints.UNREACHABLE) is not None:
            emit(world, pod.key, "TaintManagerEviction", f"Cancelling deletion of Pod {pod.key.path}")


def _evict(world: World, pod: Resource) -> None:
    if not pod.deleting:
        emit(world, pod.key, "TaintManagerEviction", f"Marking for deletion Pod {pod.key.path}")
        disruption.mark(world, pod.key, "DeletionByTaintManager")
        pods.terminate(world, pod.key)


def evicting(node: Resource) -> list[Mapping[str, Any]]:
    """The taints of a node that send pods away."""
    return [taint for taint in taints.of(node.manifest) if taint.get("effect") == "NoExecute"]


def _text(taint: Mapping[str, Any]) -> str:
    return f"{taint.get('key')}={taint.get('value') or ''}"
