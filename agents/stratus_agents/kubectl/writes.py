"""From a parsed line to the action it stands for: the writes the transaction runtime knows, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from stratus_agents.kubectl.line import Command, Refused
from stratus_sim.cluster.actions import Action

_MAX_MANIFEST = 20_000


def writes(command: Command) -> bool:
    """Whether a line would change something: every verb that is not known to read counts as writing."""
    return command.verb not in READ_VERBS


READ_VERBS = ("get", "describe", "logs", "events", "top", "rollout-status", "rollout-history")


def as_action(command: Command, manifest: str = "") -> Action:
    """The action a line stands for; `manifest` is the text that `-f -` would read.

    Raises:
        Refused: the runtime has no such action, or the line is not complete.
    """
    make = _ACTIONS.get(command.verb)
    if make is None:
        raise Refused(f"kubectl {command.verb} is not available; available: {', '.join((*READ_VERBS, *_ACTIONS))}")
    if command.namespace is None:
        raise Refused(f"kubectl {command.verb}: name one namespace with -n, not -A")
    return make(command, manifest)


def _one(command: Command, arguments: dict[str, Any], left: int = 0) -> Action:
    targets, rest = command.targets()
    if len(rest) > left:
        raise Refused(f"kubectl {command.verb}: one object per line; {rest[left]!r} is too much")
    return Action(command.verb, targets[0], arguments, command.home)


def _scale(command: Command, _manifest: str) -> Action:
    command.expect("replicas")
    replicas = command.flags.get("replicas", "")
    if not replicas.isdecimal():
        raise Refused(f"kubectl scale: --replicas={replicas}: expected a number >= 0")
    return _one(command, {"replicas": int(replicas)})


def _set_image(command: Command, _manifest: str) -> Action:
    command.expect()
    targets, rest = command.targets()
    if len(rest) != 1 or "=" not in rest[0]:
        raise Refused("kubectl set image: expected deployment/NAME CONTAINER=IMAGE")
    container, _, image = rest[0].partition("=")
    return Action("set-image", targets[0], {"container": container, "image": image}, command.home)


def _set_env(command: Command, _manifest: str) -> Action:
    command.expect("container")
    targets, rest = command.targets()
    env: dict[str, str | None] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals and not word.endswith("-"):
            raise Refused(f"kubectl set env: {word!r}: expected NAME=VALUE, or NAME- to remove it")
        env[name if equals else word[:-1]] = value if equals else None
    if not env:
        raise Refused("kubectl set env: expected at least one NAME=VALUE")
    return Action("set-env", targets[0], {**_container(command), "env": env}, command.home)


def _set_resources(command: Command, _manifest: str) -> Action:
    command.expect("limits", "requests", "container")
    sides = {side: _amounts(command.flags[side]) for side in ("limits", "requests") if side in command.flags}
    if not sides:
        raise Refused("kubectl set resources: expected --limits=cpu=AMOUNT,memory=AMOUNT or --requests=...")
    return _one(command, {**_container(command), **sides})


def _amounts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise Refused(f"{text!r}: expected cpu=AMOUNT,memory=AMOUNT")
    return {name: value for name, _, value in pairs}


def _container(command: Command) -> dict[str, str]:
    return {"container": command.flags["container"]} if "container" in command.flags else {}


def _patch(command: Command, _manifest: str) -> Action:
    """A merge patch replaces lists where a strategic one merges them: only where there are none it is the same."""
    command.expect("patch", "type")
    patch, kind = _mapping(command.flags.get("patch", ""), "-p"), command.flags.get("type", "strategic")
    if kind not in ("strategic", "merge") or (kind == "merge" and _has_list(patch)):
        raise Refused(f"kubectl patch --type={kind}: send it as a strategic merge patch (leave --type out)")
    return _one(command, {"patch": patch})


def _has_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_list(item) for item in value.values())
    return isinstance(value, list)


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refused(f"{where}: not JSON ({error}): quote it with single quotes") from None
    if not isinstance(found, dict):
        raise Refused(f"{where}: expected a JSON object")
    return found


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
    if len(manifest) > _MAX_MANIFEST:
        raise Refused(f"the manifest has {len(manifest)} characters: expected at most {_MAX_MANIFEST}")
    try:
        found = [document for document in yaml.safe_load_all(manifest) if document]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(f"the manifest is not YAML: {str(error).splitlines()[0]}") from None
    if len(found) != 1 or not isinstance(found[0], dict):
        raise Refused("the manifest must hold exactly one object")
    return json.loads(json.dumps(found[0], default=str))  # type: ignore[no-any-return]  # JSON types only


def _literal(command: Command) -> dict[str, Any]:
    if command.words[:1] not in (("configmap",), ("cm",)) or len(command.words) != 2:
        raise Refused("kubectl create: expected `configmap NAME --from-literal=KEY=VALUE`, or -f - with `manifest`")
    pairs = [part.partition("=") for part in command.flags.get("from-literal", "").split(",")]
    data = {key: value for key, equals, value in pairs if equals}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": command.words[1]}, "data": data}


def _delete(command: Command, _manifest: str) -> Action:
    command.expect()
    return _one(command, {})


def _undo(command: Command, _manifest: str) -> Action:
    command.expect("to-revision")
    revision = command.flags.get("to-revision", "0")
    if not revision.isdecimal():
        raise Refused(f"kubectl rollout undo: --to-revision={revision}: expected a number")
    return _one(command, {"revision": int(revision)} if int(revision) else {})


def _plain(command: Command, _manifest: str) -> Action:
    command.expect()
    return _one(command, {})


def _node(command: Command, _manifest: str) -> Action:
    command.expect()
    if len(command.words) != 1:
        raise Refused(f"kubectl {command.verb}: expected the name of one node")
    return Action(command.verb, f"node/{command.words[0].rpartition('/')[2]}", {}, command.home)


_ACTIONS: dict[str, Callable[[Command, str], Action]] = {
    "scale": _scale,
    "set-image": _set_image,
    "set-env": _set_env,
    "set-resources": _set_resources,
    "patch": _patch,
    "apply": _from_manifest,
    "create": _from_manifest,
    "delete": _delete,
    "rollout-undo": _undo,
    "rollout-restart": _plain,
    "cordon": _node,
    "uncordon": _node,
}
