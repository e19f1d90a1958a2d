"""Verbs on nodes and on the pods that run there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import eviction, taints
from stratus_sim.cluster.actions.action import Action, InvalidAction
from stratus_sim.cluster.actions.workloads import with_spec
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource

if TYPE_CHECKING:
    from stratus_sim.world import World


def _cordon(_world: World, found: Resource, _arguments: Mapping[str, Any]) -> Manifest:
    return with_spec(_node(found), unschedulable=True)


def _uncordon(_world: World, found: Resource, _arguments: Mapping[str, Any]) -> Manifest:
    spec = {k: v for k, v in (_node(found).manifest.get("spec") or {}).items() if k != "unschedulable"}
    return {**found.manifest, "spec": spec}


def _taint(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    """`key=value:Effect` sets the taint of that key and effect, `key:Effect-` removes it."""
    present = list((_node(found).manifest.get("spec") or {}).get("taints") or [])
    for text in arguments["taints"]:
        taint, gone = taints.parse(text)
        present = [t for t in present if (t["key"], t["effect"]) != (taint["key"], taint["effect"])]
        present += [] if gone else [taint]
    spec = {k: v for k, v in (found.manifest.get("spec") or {}).items() if k != "taints"}
    return {**found.manifest, "spec": {**spec, **({"taints": present} if present else {})}}


def _node(found: Resource) -> Resource:
    if found.key.kind != "Node":
        raise InvalidAction(f"{found.key} is no node")
    return found


def _evict(world: World, found: Resource, _arguments: Mapping[str, Any]) -> None:
    _evictable(world, found)


def _evictable(world: World, found: Resource) -> None:
    if found.key.kind != "Pod":
        raise InvalidAction(f"evict: {found.key} is no pod")
    if disrupted := eviction.refusal(world, [found]):
        raise InvalidAction(f"Cannot evict pod as it would violate the pod's disruption budget: {disrupted}")


def _drain(world: World, action: Action) -> list[tuple[ObjectKey, Manifest | None]]:
    """Cordon, then an eviction for each pod; those of DaemonSets stay, as with --ignore-daemonsets.

    Pods whose budget does not let them go now stay too: kubectl asks again until it has had enough.
    """
    node = world.store.get(action.key)
    if node is None:
        raise InvalidAction(f'Node "{action.key.name}" not found')
    leaving = eviction.movable(world, node.key)
    for pod in leaving:
        if pod.owner is None:
            raise InvalidAction(f"drain: {pod.key} has no controller: nothing would start it again")
    return [(node.key, _cordon(world, node, {})), *((pod.key, None) for pod in eviction.allowed(world, leaving))]


EFFECTS = {"cordon": _cordon, "uncordon": _uncordon, "taint": _taint, "evict": _evict}
COMPOSITES = {"drain": _drain}
