"""Answers to `kubectl` lines that read, from an observation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from stratus_agents.kubectl import rollouts
from stratus_agents.kubectl.finding import asked, chosen, found_one, labels_of, name_of
from stratus_agents.kubectl.line import Command, Refused, key_of
from stratus_agents.kubectl.tables import Json, columns, table
from stratus_agents.kubectl.values import number
from stratus_sim.manifests.kinds import CLUSTER_SCOPED
from stratus_sim.telemetry.observation import Observation

_DULL = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_TAIL = 20


def answer(command: Command, seen: Observation) -> str:
    """What kubectl prints.

    Raises:
        Refused: the line is not complete, or asks for something there is not.
    """
    return _READS[command.verb](command, seen)


def _get(command: Command, seen: Observation) -> str:
    found = asked(command, seen)
    events = [*found] == ["Event"]
    command.expect("output", "selector", *(["field-selector"] if events else ()))
    if events:
        return _event_table(_chosen_events(command, seen))
    how = command.flags.get("output", "")
    if how in ("yaml", "json"):
        return _written([body for bodies in found.values() for body in bodies], how)
    if how == "name":
        return "\n".join(f"{kind.lower()}/{name_of(body)}" for kind, bodies in found.items() for body in bodies)
    if how not in ("", "wide"):
        raise Refused(f"kubectl get -o {how}: expected wide, yaml, json or name")
    parts = [_rows(kind, bodies, how == "wide") for kind, bodies in found.items() if bodies]
    return "\n\n".join(parts) or f"No resources found in {command.namespace or 'any'} namespace."


def _rows(kind: str, bodies: list[Json], wide: bool) -> str:
    names, row = columns(kind, wide)
    if kind in CLUSTER_SCOPED:
        return table(("NAME", *names), [[name_of(b), *row(b)] for b in bodies])
    return table(
        ("NAMESPACE", "NAME", *names), [[b["metadata"].get("namespace", ""), name_of(b), *row(b)] for b in bodies]
    )


def _written(bodies: list[Json], how: str) -> str:
    shown: Any = bodies[0] if len(bodies) == 1 else {"apiVersion": "v1", "kind": "List", "items": bodies}
    return json.dumps(shown, indent=1) if how == "json" else yaml.safe_dump(shown, sort_keys=False)


def _describe(command: Command, seen: Observation) -> str:
    command.expect("selector")
    found = [(kind, body) for kind, bodies in asked(command, seen).items() for body in bodies]
    if not found:
        return f"No resources found in {command.namespace or 'any'} namespace."
    return "\n---\n".join(_described(kind, body, seen) for kind, body in found)


def _described(kind: str, body: Json, seen: Observation) -> str:
    home = None if kind in CLUSTER_SCOPED else body["metadata"].get("namespace")
    about = [
        e
        for e in seen.events(home)
        if (e["involvedObject"]["kind"], e["involvedObject"]["name"]) == (kind, name_of(body))
    ]
    shown = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k not in _DULL}}
    return f"{yaml.safe_dump(shown, sort_keys=False)}Events:\n{_event_table(about)}"


def _logs(command: Command, seen: Observation) -> str:
    command.expect("tail", "container", "selector", "previous")
    tail = number(command.flags.get("tail", str(_TAIL)), "kubectl logs --tail")
    container, previous = command.flags.get("container"), "previous" in command.flags
    found = [seen.logs(pod, command.home, container, previous=previous) for pod in _logged(command, seen)]
    return "\n".join(line for lines in found for line in lines[-tail:] if tail) or "(no log lines)"


def _logged(command: Command, seen: Observation) -> list[str]:
    """The pods whose logs are asked for: one by name, those of a workload or a Service, or those with labels."""
    if "selector" in command.flags:
        return [name_of(body) for body in chosen(command, seen, "Pod", [])]
    word = command.words[0] if command.words else ""
    kind, slash, name = word.rpartition("/")
    key = key_of(f"{kind}/{name}" if slash else f"pod/{name or '?'}", command.home)
    body, _ = found_one(command, seen, f"{key.kind}/{key.name}")
    if key.kind == "Pod":
        return [key.name]
    selector = (body.get("spec") or {}).get("selector") or {}
    wanted = (selector if key.kind == "Service" else selector.get("matchLabels") or {}).items()
    return [name_of(pod) for pod in seen.list("Pod", key.namespace) if wanted and wanted <= labels_of(pod).items()]


def _events(command: Command, seen: Observation) -> str:
    command.expect("types")
    return _event_table(_chosen_events(command, seen))


def _chosen_events(command: Command, seen: Observation) -> list[Json]:
    """The Events of a namespace; only Warning or Normal ones where that is asked for."""
    field = command.flags.get("field-selector", "")
    if field and not field.startswith("type="):
        raise Refused(f"--field-selector={field}: expected type=Warning or type=Normal")
    wanted = command.flags.get("types") or field.removeprefix("type=")
    return [event for event in seen.events(command.namespace) if wanted in ("", event["type"])]


def _event_table(events: list[Json]) -> str:
    rows = [
        [e["lastTimestamp"], e["type"], e["reason"], _about(e["involvedObject"]), e["count"], e["message"]]
        for e in events[-_TAIL:]
    ]
    return table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"), rows) if rows else "<none>"


def _about(thing: Json) -> str:
    return f"{thing['kind'].lower()}/{thing['name']}"


def _top(command: Command, seen: Observation) -> str:
    """Load, which monitoring has per workload; what a single pod or a node uses is not measured here."""
    command.expect()
    if command.words[:1] not in (("pod",), ("pods",), ("po",)):
        raise Refused("kubectl top: only `kubectl top pods` is measured; what a node has: kubectl describe node/NAME")
    rows = [
        [name, f"{100 * m['saturation']:.0f}%", m["serving_pods"]]
        for name, m in sorted(seen.metrics().items())
        if command.namespace in (None, name.partition("/")[0]) and _about_one(name, command.words[1:])
    ]
    return table(("WORKLOAD", "CPU%", "SERVING PODS"), rows) if rows else "No resources found."


def _about_one(workload: str, names: tuple[str, ...]) -> bool:
    """Whether a workload, or a pod of it, is among those named."""
    name = workload.partition("/")[2]
    return not names or any(f"{wanted}-".startswith(f"{name}-") for wanted in names)


_READS: Mapping[str, Callable[[Command, Observation], str]] = {
    "get": _get,
    "describe": _describe,
    "logs": _logs,
    "events": _events,
    "top": _top,
    "rollout-status": rollouts.status,
    "rollout-history": rollouts.history,
}
