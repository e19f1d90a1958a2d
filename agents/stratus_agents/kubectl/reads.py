"""Answers to `kubectl` lines that read, from an observation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from stratus_agents.kubectl.line import Command, Refused, key_of
from stratus_agents.kubectl.tables import Json, columns, table
from stratus_sim.manifests.kinds import CLUSTER_SCOPED
from stratus_sim.telemetry.observation import Observation

_ALL = ("Pod", "Service", "Deployment", "ReplicaSet", "StatefulSet")
_DULL = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_TAIL = 20


def answer(command: Command, seen: Observation) -> str:
    """What kubectl prints.

    Raises:
        Refused: the line is not complete, or asks for something there is not.
    """
    return _READS[command.verb](command, seen)


def _get(command: Command, seen: Observation) -> str:
    command.expect("output", "selector")
    kinds, names = _asked(command)
    if kinds == ["Event"]:
        return _event_table(seen.events(command.namespace))
    found = {kind: _chosen(command, seen, kind, names) for kind in kinds}
    how = command.flags.get("output", "")
    if how in ("yaml", "json"):
        return _written([body for bodies in found.values() for body in bodies], how)
    if how == "name":
        return "\n".join(f"{kind.lower()}/{_name(body)}" for kind, bodies in found.items() for body in bodies)
    if how not in ("", "wide"):
        raise Refused(f"kubectl get -o {how}: expected wide, yaml, json or name")
    parts = [_rows(kind, bodies, how == "wide") for kind, bodies in found.items() if bodies]
    return "\n\n".join(parts) or f"No resources found in {command.namespace or 'any'} namespace."


def _asked(command: Command) -> tuple[list[str], list[str]]:
    """(kinds, names) of a `get`."""
    if not command.words:
        raise Refused("kubectl get: expected a kind, as in `kubectl get pods`")
    first, *names = command.words
    if "/" in first:
        kind, _, name = first.partition("/")
        first, names = kind, [name]
    kinds = [key_of(f"{kind}/x", "default").kind for kind in first.split(",") if kind]
    return list(_ALL) if kinds == ["all"] else kinds, names


def _chosen(command: Command, seen: Observation, kind: str, names: list[str]) -> list[Json]:
    home = None if kind in CLUSTER_SCOPED else command.namespace
    wanted = _selector(command.flags.get("selector", ""))
    bodies = [body for body in seen.list(kind, home) if wanted.items() <= _labels(body).items()]
    for name in names:
        if name not in map(_name, bodies):
            raise Refused(f'Error from server (NotFound): {kind.lower()} "{name}" not found')
    return [body for body in bodies if not names or _name(body) in names]


def _selector(text: str) -> dict[str, str]:
    pairs = [part.replace("==", "=").partition("=") for part in text.split(",") if part]
    if not all(equals and not key.endswith("!") for key, equals, _ in pairs):
        raise Refused(f"selector {text!r}: expected KEY=VALUE,KEY=VALUE")
    return {key: value for key, _, value in pairs}


def _rows(kind: str, bodies: list[Json], wide: bool) -> str:
    names, row = columns(kind, wide)
    if kind in CLUSTER_SCOPED:
        return table(("NAME", *names), [[_name(b), *row(b)] for b in bodies])
    return table(
        ("NAMESPACE", "NAME", *names), [[b["metadata"].get("namespace", ""), _name(b), *row(b)] for b in bodies]
    )


def _written(bodies: list[Json], how: str) -> str:
    shown: Any = bodies[0] if len(bodies) == 1 else {"apiVersion": "v1", "kind": "List", "items": bodies}
    return json.dumps(shown, indent=1) if how == "json" else yaml.safe_dump(shown, sort_keys=False)


def _describe(command: Command, seen: Observation) -> str:
    command.expect()
    targets, _ = command.targets()
    body, key = _found(command, seen, targets[0])
    body["metadata"] = {k: v for k, v in body["metadata"].items() if k not in _DULL}
    home = None if key.kind in CLUSTER_SCOPED else key.namespace
    about = [
        e
        for e in seen.events(home)
        if (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (key.kind, key.name)
    ]
    return f"{yaml.safe_dump(body, sort_keys=False)}Events:\n{_event_table(about)}"


def _found(command: Command, seen: Observation, target: str) -> tuple[Json, Any]:
    key = key_of(target, command.home)
    body = seen.get(key.kind, key.name, key.namespace)
    if body is None:
        raise Refused(f'Error from server (NotFound): {key.kind.lower()} "{key.name}" not found in "{key.namespace}"')
    return body, key


def _logs(command: Command, seen: Observation) -> str:
    command.expect("tail", "container", "selector")
    tail = command.flags.get("tail", str(_TAIL))
    if not tail.isdecimal():
        raise Refused(f"kubectl logs --tail={tail}: expected a number")
    lines = [line for pod in _logged(command, seen) for line in seen.logs(pod, command.home)[-int(tail) :]]
    return "\n".join(lines) or "(no log lines)"


def _logged(command: Command, seen: Observation) -> list[str]:
    """The pods whose logs are asked for: one by name, a Deployment's, or those with labels."""
    if "selector" in command.flags:
        return [_name(body) for body in _chosen(command, seen, "Pod", [])]
    word = command.words[0] if command.words else ""
    kind, slash, name = word.rpartition("/")
    key = key_of(f"{kind}/{name}" if slash else f"pod/{name or '?'}", command.home)
    body, _ = _found(command, seen, f"{key.kind}/{key.name}")
    if key.kind == "Pod":
        return [key.name]
    chosen = ((body["spec"].get("selector") or {}).get("matchLabels") or {}).items()
    return [_name(pod) for pod in seen.list("Pod", key.namespace) if chosen and chosen <= _labels(pod).items()]


def _events(command: Command, seen: Observation) -> str:
    command.expect()
    return _event_table(seen.events(command.namespace))


def _event_table(events: list[Json]) -> str:
    rows = [
        [e["lastTimestamp"], e["type"], e["reason"], _about(e["involvedObject"]), e["count"], e["message"]]
        for e in events[-_TAIL:]
    ]
    return table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"), rows) if rows else "<none>"


def _about(thing: Json) -> str:
    return f"{thing['kind'].lower()}/{thing['name']}"


def _top(command: Command, seen: Observation) -> str:
    """Load, which the cluster has per workload; what single pods use is not measured here."""
    command.expect()
    metrics = sorted(seen.metrics().items())
    rows = [[name, f"{100 * m['saturation']:.0f}%", m["serving_pods"]] for name, m in metrics]
    return table(("WORKLOAD", "CPU%", "SERVING PODS"), rows)


def _status(command: Command, seen: Observation) -> str:
    command.expect()
    targets, _ = command.targets()
    body, key = _found(command, seen, targets[0])
    status, wanted = body.get("status") or {}, body["spec"].get("replicas", 1)
    done = status.get("updatedReplicas", 0) >= wanted <= status.get("readyReplicas", 0)
    state = "successfully rolled out" if done else f"waiting: {status.get('readyReplicas', 0)} of {wanted} ready"
    return f"{key.kind.lower()} {key.name!r} {state}"


def _history(command: Command, seen: Observation) -> str:
    command.expect()
    targets, _ = command.targets()
    _, key = _found(command, seen, targets[0])
    rows = [
        [
            h["revision"],
            h["replicaSet"],
            h["replicas"],
            ",".join(c["image"] for c in h["template"]["spec"]["containers"]),
        ]
        for h in seen.history(key.name, key.namespace)
    ]
    return table(("REVISION", "REPLICASET", "REPLICAS", "IMAGES"), rows)


def _name(body: Json) -> str:
    return str(body["metadata"]["name"])


def _labels(body: Json) -> Json:
    return body["metadata"].get("labels") or {}


_READS: dict[str, Callable[[Command, Observation], str]] = {
    "get": _get,
    "describe": _describe,
    "logs": _logs,
    "events": _events,
    "top": _top,
    "rollout-status": _status,
    "rollout-history": _history,
}
