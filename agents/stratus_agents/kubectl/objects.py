"""Writes to any object: patch, apply, create, replace, delete, label, annotate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stratus_agents.kubectl import values
from stratus_agents.kubectl.line import SEPARATOR, Command, Refused, key_of
from stratus_sim.cluster.actions import Action

_JSON_PATCH = 'a list of operations, as in [{"op": "replace", "path": "/spec/replicas", "value": 2}]'
_NO_READING = "kubectl patch --type=json can tell what is in a Secret: send a merge patch (leave --type out)"


def _patch(command: Command, _manifest: str) -> Action:
    command.expect("patch", "type")
    patch, how = values.json_value(command.flags.get("patch", ""), "-p"), command.flags.get("type", "")
    wanted: type = list if how == "json" else dict
    if not isinstance(patch, wanted):
        raise Refused(f"-p: expected {_JSON_PATCH if how == 'json' else 'a JSON object'}")
    action = command.act({"patch": patch, **({"type": how} if how else {})})
    if how == "json" and key_of(action.target, action.namespace).kind == "Secret":
        raise Refused(_NO_READING)
    return action


def _from_manifest(command: Command, manifest: str) -> Action:
    command.expect("filename", "from-literal")
    body = _literal(command) if command.verb == "create" and not manifest else _document(command, manifest)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name") or not body.get("kind"):
        raise Refused(f"kubectl {command.verb}: the manifest has no kind or no metadata.name")
    metadata.setdefault("namespace", command.home)
    target = f"{str(body['kind']).lower()}/{metadata['name']}"
    return Action(command.verb, target, {"manifest": body}, str(metadata["namespace"]))


def _document(command: Command, manifest: str) -> dict[str, Any]:
    if command.flags.get("filename", "-") != "-" or not manifest:
        raise Refused(f"kubectl {command.verb}: there are no files; use -f - and give the text as `manifest`")
    return values.manifest(manifest)


def _literal(command: Command) -> dict[str, Any]:
    if command.words[:1] not in (("configmap",), ("cm",)) or len(command.words) != 2:
        raise Refused("kubectl create: expected `configmap NAME --from-literal=KEY=VALUE`, or -f - with `manifest`")
    literals = command.flags.get("from-literal", "")
    pairs = [part.partition("=") for part in literals.split(SEPARATOR) if part]
    if not all(key and equals for key, equals, _ in pairs):
        raise Refused("kubectl create configmap: expected --from-literal=KEY=VALUE")
    data = {key: value for key, _, value in pairs}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": command.words[1]}, "data": data}


def _delete(command: Command, _manifest: str) -> Action:
    command.expect()
    return command.act({})


def _mark(command: Command, _manifest: str) -> Action:
    command.expect("overwrite")
    targets, rest = command.targets()
    where = {"label": "labels", "annotate": "annotations"}[command.verb]
    return Action(command.verb, targets[0], {where: command.pairs(rest)}, command.home)


ACTIONS: Mapping[str, Callable[[Command, str], Action]] = {
    "patch": _patch,
    "apply": _from_manifest,
    "create": _from_manifest,
    "replace": _from_manifest,
    "delete": _delete,
    "label": _mark,
    "annotate": _mark,
}
"""By verb: what a line and the manifest beside it stand for."""
