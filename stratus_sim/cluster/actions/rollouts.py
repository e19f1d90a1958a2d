"""Verbs on roll-outs: restart, undo, pause, resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.actions.action import InvalidAction
from stratus_sim.cluster.actions.workloads import with_spec
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Manifest, Resource
from stratus_sim.cluster.workloads import deployment
from stratus_sim.cluster.workloads.templates import unlabelled

if TYPE_CHECKING:
    from stratus_sim.world import World


def _undo(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    _running(found, "undo")
    sets = deployment.history(world, found.key) if found.key.kind == "Deployment" else []
    earlier = [r for r in sets if r.key.name != found.status.current]
    revision = arguments.get("revision")
    chosen = [r for r in earlier if revision in (None, r.status.revision)]
    if not chosen:
        raise InvalidAction(f"rollout-undo: no rollout history found for {found.key}")
    return with_spec(found, template=unlabelled(chosen[-1].manifest["spec"]["template"]))


def _restart(world: World, found: Resource, _arguments: Mapping[str, Any]) -> Manifest:
    _running(found, "restart")
    stamp = {"kubectl.kubernetes.io/restartedAt": f"{world.now_us}us"}
    return strategic_merge(found.manifest, {"spec": {"template": {"metadata": {"annotations": stamp}}}})


def _pause(_world: World, found: Resource, _arguments: Mapping[str, Any]) -> Manifest:
    _running(found, "pause")
    return with_spec(found, paused=True)


def _resume(_world: World, found: Resource, _arguments: Mapping[str, Any]) -> Manifest:
    _deployment(found, "resume")
    if not _paused(found):
        raise InvalidAction(f"rollout-resume: {found.key} is not paused")
    return {**found.manifest, "spec": {k: v for k, v in found.manifest["spec"].items() if k != "paused"}}


def _paused(found: Resource) -> bool:
    return bool((found.manifest.get("spec") or {}).get("paused"))


def _running(found: Resource, verb: str) -> None:
    """As kubectl: a paused roll-out is not restarted, undone or paused again."""
    if verb == "pause":
        _deployment(found, verb)
    if _paused(found):
        raise InvalidAction(f"rollout-{verb}: {found.key} is paused: resume it first")


def _deployment(found: Resource, verb: str) -> None:
    if found.key.kind != "Deployment":
        raise InvalidAction(f"rollout-{verb}: a {found.key.kind} cannot be paused: expected a deployment")


EFFECTS = {
    "rollout-undo": _undo,
    "rollout-restart": _restart,
    "rollout-pause": _pause,
    "rollout-resume": _resume,
}
