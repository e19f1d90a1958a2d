"""Verbs on any object: create, apply, replace, patch, delete, label, annotate; and exec, which is never run."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from stratus_sim.cluster import patching
from stratus_sim.cluster.actions.action import Action, InvalidAction
from stratus_sim.cluster.applying import applied
from stratus_sim.cluster.configuration import is_configuration
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, key_of
from stratus_sim.cluster.patch_errors import PatchError
from stratus_sim.manifests.kinds import is_known

if TYPE_CHECKING:
    from stratus_sim.world import World

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Where client-side apply keeps the manifest it was given last: what is in it and no more in the new one is removed."""

_Written = list[tuple[ObjectKey, Manifest | None]]


def _create(world: World, action: Action) -> _Written:
    key, manifest = given(action.verb, action.arguments.get("manifest"))
    if world.store.get(key) is not None:
        raise InvalidAction(f"{key} already exists")
    return [(key, manifest)]


def _replace(world: World, action: Action) -> _Written:
    key, manifest = given(action.verb, action.arguments.get("manifest"))
    if key != action.key:
        raise InvalidAction(f"replace: the manifest is {key}, the target {action.key}")
    if world.store.get(key) is None:
        raise InvalidAction(f'{key.kind} "{key.name}" not found in namespace {key.namespace!r}')
    return [(key, manifest)]


def _apply(world: World, action: Action) -> _Written:
    """Create what is not there; else merge the manifest over it, and remove what apply set before and now omits."""
    key, manifest = given(action.verb, action.arguments.get("manifest"))
    found = world.store.get(key)
    if found is None:
        return [(key, manifest)]
    try:
        return [(key, applied(_last_applied(found), manifest, found.manifest, keyed=_built_in(found)))]
    except PatchError as error:
        raise InvalidAction(f"apply: {error}") from None


def _last_applied(found: Resource) -> Mapping[str, Any]:
    text = ((found.manifest.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = json.loads(text) if text else {}
    except ValueError:
        return {}
    return last if isinstance(last, Mapping) else {}


def given(verb: str, manifest: Any) -> tuple[ObjectKey, Manifest]:
    """The object a manifest is, and a copy of it.

    Raises:
        InvalidAction: it is no manifest.
    """
    if not isinstance(manifest, Mapping) or not all(_is_text(manifest.get(k)) for k in ("kind", "apiVersion")):
        raise InvalidAction(f"{verb}: expected arguments.manifest with apiVersion, kind and metadata.name")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not _is_text(metadata.get("name")):
        raise InvalidAction(f"{verb}: manifest.metadata.name is missing")
    return key_of(manifest), copy.deepcopy(dict(manifest))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _built_in(found: Resource) -> bool:
    return is_known(str(found.manifest.get("apiVersion")), str(found.manifest.get("kind")))


def _patch(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    """A strategic patch of a built-in kind, and a merge patch of any other, unless `type` says which."""
    kind = arguments.get("type") or ("strategic" if _built_in(found) else "merge")
    try:
        merged = patching.merged(found.manifest, arguments["patch"], kind)
    except PatchError as error:
        raise InvalidAction(f"patch: {error}") from None
    if not isinstance(merged, Mapping) or key_of(merged) != found.key:
        raise InvalidAction("patch: kind, name and namespace of an object cannot change")
    return merged


def _delete(world: World, found: Resource, _arguments: Mapping[str, Any]) -> None:
    for other in world.store.everything():
        if is_configuration(other) and other.key.namespace == found.key.namespace and _names(other, found.key):
            raise InvalidAction(f"delete: {other.key} names {found.key} as its owner and would go with it, for good")


def _names(other: Resource, owner: ObjectKey) -> bool:
    """Whether an object's ownerReferences name another one."""
    references = (other.manifest.get("metadata") or {}).get("ownerReferences")
    named = [r for r in references if isinstance(r, Mapping)] if isinstance(references, list) else []
    return any((r.get("kind"), r.get("name")) == (owner.kind, owner.name) for r in named)


def _label(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    return _marked(found, "labels", arguments["labels"])


def _annotate(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    return _marked(found, "annotations", arguments["annotations"])


def _marked(found: Resource, where: str, changes: Mapping[str, Any]) -> Manifest:
    marks = {key: None if value is None else str(value) for key, value in changes.items()}
    changed: Manifest = patching.merged(found.manifest, {"metadata": {where: marks}}, "merge")
    return changed


def _exec(_world: World, _action: Action) -> NoReturn:
    raise InvalidAction("exec: nobody knows what a command does, so it cannot be taken back: it is never run")


EFFECTS = {"patch": _patch, "delete": _delete, "label": _label, "annotate": _annotate}
COMPOSITES = {"apply": _apply, "create": _create, "replace": _replace, "exec": _exec}
