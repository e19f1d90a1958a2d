"""Which objects of an observation a line is about."""

from __future__ import annotations

from stratus_agents.kubectl.line import Command, Refused, key_of
from stratus_agents.kubectl.tables import Json
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.manifests.kinds import CLUSTER_SCOPED, IN_ALL, SERVED
from stratus_sim.telemetry.observation import Observation


def asked(command: Command, seen: Observation) -> dict[str, list[Json]]:
    """The objects a line names, by kind: `KIND[,KIND]`, `KIND NAME ...` or `KIND/NAME ...`.

    Raises:
        Refused: it names no kind, one there is not, or an object there is not.
    """
    if not command.words:
        raise Refused(f"kubectl {command.verb}: expected a kind, as in `kubectl {command.verb} pods`")
    first, *names = command.words
    if "/" not in first:
        words = IN_ALL if first == "all" else filter(None, first.split(","))
        return {kind: chosen(command, seen, kind, names) for kind in [_kind(word, seen) for word in words]}
    found: dict[str, list[Json]] = {}
    for word in command.words:
        kind, _, name = word.partition("/")
        found.setdefault(_kind(kind, seen), []).extend(chosen(command, seen, _kind(kind, seen), [name]))
    return found


def _kind(word: str, seen: Observation) -> str:
    """The kind a word stands for. Raises Refused when there is no such kind here: none is not the same as unknown."""
    kind = key_of(f"{word}/x", "default").kind
    for definition in seen.list("CustomResourceDefinition"):
        names = (definition.get("spec") or {}).get("names") or {}
        known = (str(names.get("kind", "")).lower(), names.get("plural"), *(names.get("shortNames") or ()))
        if word and word.lower() in known:
            return str(names["kind"])
    if kind == "Endpoints":
        raise Refused("Endpoints are deprecated and not written here: ask for endpointslices")
    if kind not in (*SERVED, "NetworkChaos") and not seen.list(kind):
        raise Refused(f"error: the server doesn't have a resource type {word!r}")
    return kind


def chosen(command: Command, seen: Observation, kind: str, names: list[str]) -> list[Json]:
    """The objects of a kind that a line selects. Raises Refused when one of `names` is not there."""
    home = None if kind in CLUSTER_SCOPED else command.namespace
    wanted = _selector(command.flags.get("selector", ""))
    bodies = [body for body in seen.list(kind, home) if wanted.items() <= labels_of(body).items()]
    for name in names:
        if name not in map(name_of, bodies):
            raise Refused(f'Error from server (NotFound): {kind.lower()} "{name}" not found')
    return [body for body in bodies if not names or name_of(body) in names]


def _selector(text: str) -> dict[str, str]:
    pairs = [part.replace("==", "=").partition("=") for part in text.split(",") if part]
    if not all(equals and not key.endswith("!") for key, equals, _ in pairs):
        raise Refused(f"selector {text!r}: expected KEY=VALUE,KEY=VALUE")
    return {key: value for key, _, value in pairs}


def found_one(command: Command, seen: Observation, target: str) -> tuple[Json, ObjectKey]:
    """The object `kind/name` in the line's namespace. Raises Refused when there is none."""
    key = key_of(target, command.home)
    body = seen.get(key.kind, key.name, key.namespace)
    if body is None:
        raise Refused(f'Error from server (NotFound): {key.kind.lower()} "{key.name}" not found in "{key.namespace}"')
    return body, key


def name_of(body: Json) -> str:
    """The object's name."""
    return str(body["metadata"]["name"])


def labels_of(body: Json) -> Json:
    """The object's labels, empty where it has none."""
    return body["metadata"].get("labels") or {}
