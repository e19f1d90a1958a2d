"""What a submitted object means for the manifest that is stored, and whether it may be stored at all.

Clients send back what they were shown: manifest, server-side metadata, status, defaults, and redacted Secrets. Only
what *differs* from what was shown is a wish of theirs; everything else stays exactly as it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import taints
from stratus_sim.cluster.actions import InvalidAction, admitted
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, without_nulls
from stratus_sim.cluster.workloads.deployment import history
from stratus_sim.cluster.workloads.templates import template_hash, unlabelled
from stratus_sim.errors import UserError
from stratus_sim.manifests import quantity
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.kinds import SCALABLE, Kind
from stratus_sim.serve.showing import secret_data
from stratus_sim.telemetry.completing_pods import complete_template
from stratus_sim.telemetry.render import Json, plain

if TYPE_CHECKING:
    from stratus_sim.world import World

_SERVER_METADATA = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink",
)  # fmt: skip
_FIELD = re.compile(
    r"(?:.*?: field (?:at the top: )?)?(?P<path>[a-z][\w.]*(?:\[[^]]*\][\w.]*)*): (?P<told>.*)", re.DOTALL
)
_SUBFIELD = re.compile(
    r"(?P<path>[a-z][\w.]*(?:\[\d+\][\w.]*)*): (?P<told>"
    r"(?:Invalid|Required|Duplicate) value: .*|(?:Not found|Forbidden): .*)",
    re.DOTALL,
)
_PORTION = re.compile(r"\d+%?")
_NOTHING: Any = object()


def created(submitted: Json) -> Json:
    """The manifest to store for a new object: without what only the server may say."""
    manifest: Json = without_nulls(submitted)
    manifest.pop("status", None) if manifest["kind"] != "Node" else None
    metadata = manifest.get("metadata") or {}
    manifest["metadata"] = {k: v for k, v in metadata.items() if k not in _SERVER_METADATA}
    return _stored_secret(manifest)


def changed(world: World, found: Resource, shown: Json, submitted: Json) -> Manifest:
    """The manifest to store for an object that was shown as `shown` and came back as `submitted`.

    It is the stored one itself when nothing of it changes.
    """
    wanted: Json = without_nulls(submitted)
    _restore(wanted, shown, "status")
    wanted["metadata"] = dict(wanted.get("metadata") or {})
    for name in _SERVER_METADATA if found.owner is None else (*_SERVER_METADATA, "ownerReferences"):
        _restore(wanted["metadata"], shown["metadata"], name)
    if found.key.kind == "Deployment":
        wanted = _known_template(world, found.key, wanted)
    if found.key.kind == "Node":
        shown, wanted = (_untainted(node, taints.controllers(found)) for node in (shown, wanted))
    stored = _stored_secret(plain(found.manifest)) if found.key.kind == "Secret" else found.manifest
    manifest = _without_emptied(rebase(stored, shown, wanted), stored)
    return found.manifest if manifest == stored else manifest


def _untainted(node: Json, added: Collection[Json]) -> Json:
    """A node without the taints controllers have put on it: they come and go, whoever sends them back."""
    if not isinstance(node.get("spec") or {}, Mapping):
        return node
    left = [taint for taint in taints.of(node) if not any(one.items() <= taint.items() for one in added)]
    spec = {name: value for name, value in (node.get("spec") or {}).items() if name != "taints"}
    return {**node, "spec": {**spec, "taints": left} if left else spec}


def _without_emptied(manifest: Manifest, stored: Manifest) -> Manifest:
    """To the API server a map whose last entry was taken out is no map."""
    before = stored.get("metadata") or {}
    metadata = {
        k: v for k, v in manifest["metadata"].items() if v or k not in ("annotations", "labels") or not before.get(k)
    }
    return {**manifest, "metadata": metadata}


def rebase(stored: Any, shown: Any, wanted: Any) -> Any:
    """`stored` with the differences between `shown` and `wanted` made to it.

    >>> rebase({"a": 1, "hidden": 2}, {"a": 1, "default": 3}, {"default": 3, "new": 4})
    {'hidden': 2, 'new': 4}
    """
    if wanted == shown:
        return stored
    if isinstance(wanted, list) and _named(wanted) and isinstance(stored, list) and _named(stored):
        return _rebase_items(stored, shown if isinstance(shown, list) and _named(shown) else [], wanted)
    if not isinstance(wanted, Mapping):
        return wanted
    stored = stored if isinstance(stored, Mapping) else {}
    shown = shown if isinstance(shown, Mapping) else {}
    kept = {k: v for k, v in stored.items() if k in wanted or k not in shown}
    for key, value in wanted.items():
        result = rebase(stored.get(key, _NOTHING), shown.get(key, _NOTHING), value)
        if result is not _NOTHING:
            kept[key] = result
    return kept


def _rebase_items(stored: list[Json], shown: list[Json], wanted: list[Json]) -> list[Any]:
    """Items of such lists are told apart by their names, as strategic merge does."""
    before = {item["name"]: item for item in stored}
    seen = {item["name"]: item for item in shown}
    return [rebase(before.get(item["name"]), seen.get(item["name"]), item) for item in wanted]


def _named(items: list[Any]) -> bool:
    names = [item.get("name") for item in items if isinstance(item, Mapping)]
    return bool(items) and len(names) == len(items) == len({name for name in names if isinstance(name, str)})


def admit(kind: Kind, manifest: Manifest, found: Resource | None) -> tuple[ObjectKey, Manifest]:
    """The object a manifest would be stored as, checked as the API server checks it.

    Raises:
        Refusal: 422, with the field and what was expected.
    """
    metadata = manifest["metadata"]
    name = str(metadata["name"])
    try:
        key, accepted = admitted(manifest)
    except (InvalidAction, UserError) as error:
        raise invalid(kind, name, str(error)) from None
    _selector_fits(kind, manifest, found)
    _rolls(kind, manifest)
    if found is not None:
        _immutable(kind, manifest, found)
    return key, accepted


def invalid(kind: Kind, name: str, problem: str) -> Refusal:
    """The 422 for an object that breaks a rule."""
    shown = f"{kind.name}.{kind.group}" if kind.group else kind.name
    field, told = _located(problem)
    causes = [{"reason": "FieldValueInvalid", "message": told, "field": field}]  # kubectl prints only causes
    message = f'{shown} "{name}" is invalid: {field}: {told}'
    return Refusal(422, message, details={**details(kind, name), "kind": kind.name, "causes": causes})


def _located(problem: str) -> tuple[str, str]:
    """The path of a field and what is wrong with it, which may begin with the rest of the path; at worst the spec."""
    found = _FIELD.fullmatch(problem)
    if found is None:
        return "spec", problem
    rest = _SUBFIELD.fullmatch(found["told"])
    return (found["path"], found["told"]) if rest is None else (f"{found['path']}.{rest['path']}", rest["told"])


def details(kind: Kind, name: str) -> Json:
    """The `details` of a Status about an object."""
    return {"name": name, "group": kind.group, "kind": kind.plural}


def _restore(wanted: Json, shown: Mapping[str, Any], name: str) -> None:
    if name in shown:
        wanted[name] = shown[name]
    else:
        wanted.pop(name, None)


def _stored_secret(manifest: Json) -> Json:
    if manifest["kind"] == "Secret" and "stringData" in manifest:
        rest = {k: v for k, v in manifest.items() if k != "stringData"}
        return {**rest, "data": dict(secret_data(manifest))}
    return manifest


def _known_template(world: World, key: ObjectKey, wanted: Json) -> Json:
    """`rollout undo` sends a template through Go types: quantities come back rewritten, but mean the same.

    Then the ReplicaSet's own template is meant, or a third revision would appear.
    """
    spec = wanted.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    try:
        name = _meaning(template)
    except (TypeError, AttributeError, KeyError):
        return wanted  # it is no template; validation will say so
    for replica_set in history(world, key):
        known = unlabelled(replica_set.manifest["spec"]["template"])
        if _meaning(known) == name:
            return {**wanted, "spec": {**wanted["spec"], "template": plain(known)}}
    return wanted


def _meaning(template: Any) -> str:
    return template_hash(_with_numbers(complete_template(without_nulls(plain(template)))))


def _with_numbers(node: Any, *, amounts: bool = False) -> Any:
    if isinstance(node, dict):
        return {k: _with_numbers(v, amounts=amounts or k in ("limits", "requests")) for k, v in node.items()}
    if isinstance(node, list):
        return [_with_numbers(item, amounts=amounts) for item in node]
    if not amounts:
        return node
    try:
        return str(quantity.amount(node))
    except UserError:
        return node


def _selector_fits(kind: Kind, manifest: Manifest, found: Resource | None) -> None:
    if kind.name not in SCALABLE or not kind.built_in:
        return
    spec = manifest["spec"]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    wanted = (spec["selector"] or {}).get("matchLabels") or {}
    name = str(manifest["metadata"]["name"])
    if not wanted.items() <= labels.items():
        raise invalid(kind, name, "spec.template.metadata.labels: `selector` does not match template `labels`")
    if found is not None and found.manifest["spec"]["selector"] != spec["selector"]:
        raise invalid(kind, name, "spec.selector: field is immutable")


def _rolls(kind: Kind, manifest: Manifest) -> None:
    """Bounds of a rolling update are counts or percentages."""
    if kind.name != "Deployment" or not kind.built_in:
        return
    rolling = ((manifest["spec"].get("strategy") or {}).get("rollingUpdate")) or {}
    for field in ("maxSurge", "maxUnavailable"):
        value = rolling.get(field)
        if value is not None and not _PORTION.fullmatch(str(value)):
            problem = f"spec.strategy.rollingUpdate.{field}: {value!r}: expected a count or a percentage, as 1 or 25%"
            raise invalid(kind, str(manifest["metadata"]["name"]), problem)


def _immutable(kind: Kind, manifest: Manifest, found: Resource) -> None:
    if found.manifest.get("immutable") is True and kind.name in ("ConfigMap", "Secret"):
        fields = [f for f in ("data", "binaryData", "immutable") if manifest.get(f) != found.manifest.get(f)]
        if fields:
            raise invalid(kind, found.key.name, f"{fields[0]}: field is immutable when `immutable` is set")
    if kind.name == "Pod" and _but_images(manifest) != _but_images(found.manifest):
        raise invalid(kind, found.key.name, "spec: pod updates may not change fields other than container images")


def _but_images(manifest: Manifest) -> Json:
    spec: Json = plain(manifest["spec"])
    for container in spec.get("containers") or ():
        container.pop("image", None)
    return spec
