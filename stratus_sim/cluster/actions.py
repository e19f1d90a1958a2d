"""Actions: writes an agent proposes, as data, and what they would do to the objects there are.

An action names a verb of the catalogue (`stratus_spec.actions`) and an object the way kubectl does, for example
`Action("scale", "deployment/geo", {"replicas": 2}, namespace="hotel")`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import deployment
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, key_of
from stratus_sim.errors import UserError
from stratus_sim.manifests.kinds import SERVED, is_known
from stratus_sim.manifests.shapes import read_shape

if TYPE_CHECKING:
    from stratus_sim.world import World

_SHORT_NAMES = {
    "po": "Pod", "deploy": "Deployment", "svc": "Service", "cm": "ConfigMap", "no": "Node", "ns": "Namespace",
    "sts": "StatefulSet", "rs": "ReplicaSet", "pvc": "PersistentVolumeClaim", "pv": "PersistentVolume",
    "networkchaos": "NetworkChaos",
}  # fmt: skip
_KINDS = {kind.lower(): kind for kind in SERVED} | _SHORT_NAMES


class InvalidAction(ValueError):
    """An action the API server would refuse; the message says which part, and what was expected."""


@dataclass(frozen=True, slots=True)
class Action:
    """One write. `target` is `kind/name`; `arguments` depend on the verb:

    scale {replicas} · set-image {container, image} · set-env {container, env: {name: value|None}} ·
    set-resources {container, limits?, requests?} · patch {patch} (strategic merge) · apply {manifest} · delete {} ·
    rollout-undo {revision?} · rollout-restart {} · cordon {} · uncordon {}.
    """

    verb: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    namespace: str = "default"

    @property
    def key(self) -> ObjectKey:
        """The object the action is about.

        Raises:
            InvalidAction: `target` is not `kind/name`.
        """
        kind, slash, name = self.target.partition("/")
        if not slash or not kind or not name:
            raise InvalidAction(f"target {self.target!r}: expected kind/name, as in deployment/frontend")
        full = _KINDS.get(kind.lower(), _KINDS.get(kind.lower().removesuffix("s"), kind))
        return key_of({"kind": full, "metadata": {"name": name, "namespace": self.namespace}})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back."""
        return {
            "verb": self.verb, "target": self.target, "arguments": dict(self.arguments), "namespace": self.namespace
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any) -> Action:
        """Raises InvalidAction when `data` is not an action."""
        if not isinstance(data, Mapping) or not isinstance(data.get("verb"), str):
            raise InvalidAction(f"{data!r} is no action: expected a mapping with verb, target, arguments, namespace")
        arguments = data.get("arguments") or {}
        if not isinstance(arguments, Mapping):
            raise InvalidAction(f"arguments {arguments!r}: expected a mapping")
        return cls(data["verb"], str(data.get("target", "")), arguments, str(data.get("namespace") or "default"))

    def __str__(self) -> str:
        words = " ".join(f"{k}={_short(v)}" for k, v in sorted(self.arguments.items()))
        return f"{self.verb} {self.target}{' ' if words else ''}{words} -n {self.namespace}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def effect(world: World, action: Action) -> tuple[ObjectKey, Manifest | None]:
    """The object an action writes and its manifest afterwards, None for a deletion. Changes nothing.

    Raises:
        InvalidAction: unknown verb, missing object, or arguments of the wrong form.
    """
    if action.verb not in _EFFECTS:
        raise InvalidAction(f"verb {action.verb!r}: expected one of {', '.join(sorted(_EFFECTS))}")
    key, after = _applied(action) if action.verb in ("apply", "create") else _changed(world, action)
    if after is not None:
        _admit(after)
    return key, after


def _changed(world: World, action: Action) -> tuple[ObjectKey, Manifest | None]:
    found = world.store.get(action.key)
    if found is None:
        raise InvalidAction(f'{action.key.kind} "{action.key.name}" not found in namespace {action.key.namespace!r}')
    try:
        return action.key, _EFFECTS[action.verb](world, found, action.arguments)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidAction(f"{action}: arguments do not fit the verb ({error!r})") from None


def _applied(action: Action) -> tuple[ObjectKey, Manifest | None]:
    manifest = action.arguments.get("manifest")
    if not isinstance(manifest, Mapping) or not all(_is_text(manifest.get(k)) for k in ("kind", "apiVersion")):
        raise InvalidAction("apply: expected arguments.manifest with apiVersion, kind and metadata.name")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not _is_text(metadata.get("name")):
        raise InvalidAction("apply: manifest.metadata.name is missing")
    return key_of(manifest), copy.deepcopy(dict(manifest))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _admit(manifest: Manifest) -> None:
    """Raises InvalidAction for what the API server's validation would not let in."""
    kind, version = manifest["kind"], manifest["apiVersion"]
    built_in = is_known(version, kind)
    try:
        read_shape(manifest if built_in else {**manifest, "kind": f"{kind}.{version}"}, "the API server refuses it")
    except UserError as error:
        raise InvalidAction(str(error)) from None


def _with_spec(found: Resource, **changes: Any) -> Manifest:
    return {**found.manifest, "spec": {**found.manifest.get("spec", {}), **changes}}


def _scale(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    replicas = arguments["replicas"]
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        raise InvalidAction(f"scale: replicas {replicas!r}: expected a number >= 0")
    if found.key.kind not in ("Deployment", "StatefulSet"):
        raise InvalidAction(f"scale: a {found.key.kind} has no replicas to set: expected a deployment or statefulset")
    return _with_spec(found, replicas=replicas)


def _patch_container(found: Resource, name: str | None, change: Mapping[str, Any]) -> Manifest:
    containers = found.manifest["spec"]["template"]["spec"]["containers"]
    wanted = name or containers[0]["name"]
    if wanted not in [c["name"] for c in containers]:
        raise InvalidAction(f"container {wanted!r}: expected one of {[c['name'] for c in containers]}")
    patch = {"spec": {"template": {"spec": {"containers": [{"name": wanted, **change}]}}}}
    return strategic_merge(found.manifest, patch)


def _set_image(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    return _patch_container(found, arguments.get("container"), {"image": str(arguments["image"])})


def _set_env(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    env = [_env_entry(name, value) for name, value in arguments["env"].items()]
    return _patch_container(found, arguments.get("container"), {"env": env})


def _env_entry(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "$patch": "delete"} if value is None else {"name": name, "value": str(value)}


def _set_resources(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    sides = {side: dict(arguments[side]) for side in ("limits", "requests") if arguments.get(side)}
    return _patch_container(found, arguments.get("container"), {"resources": sides})


def _patch(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    patch = arguments["patch"]
    if not isinstance(patch, Mapping):
        raise InvalidAction(f"patch: {patch!r}: expected a mapping")
    merged = strategic_merge(found.manifest, patch)
    if key_of(merged) != found.key:
        raise InvalidAction("patch: kind, name and namespace of an object cannot change")
    return merged


def _delete(world: World, found: Resource, arguments: Mapping[str, Any]) -> None:
    return None


def _rollout_undo(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    sets = deployment.history(world, found.key)
    earlier = [r for r in sets if r.key.name != found.status.current]
    revision = arguments.get("revision")
    chosen = [r for r in earlier if revision in (None, r.status.revision)]
    if not chosen:
        raise InvalidAction(f"rollout-undo: no rollout history found for {found.key}")
    return _with_spec(found, template=chosen[-1].manifest["spec"]["template"])


def _rollout_restart(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    stamp = {"kubectl.kubernetes.io/restartedAt": f"{world.now_us}us"}
    return strategic_merge(found.manifest, {"spec": {"template": {"metadata": {"annotations": stamp}}}})


def _cordon(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    return _with_spec(found, unschedulable=True)


def _uncordon(world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    spec = {k: v for k, v in found.manifest.get("spec", {}).items() if k != "unschedulable"}
    return {**found.manifest, "spec": spec}


_EFFECTS: dict[str, Callable[[World, Resource, Mapping[str, Any]], Manifest | None]] = {
    "scale": _scale,
    "set-image": _set_image,
    "set-env": _set_env,
    "set-resources": _set_resources,
    "patch": _patch,
    "apply": _patch,
    "create": _patch,
    "delete": _delete,
    "rollout-undo": _rollout_undo,
    "rollout-restart": _rollout_restart,
    "cordon": _cordon,
    "uncordon": _uncordon,
}
