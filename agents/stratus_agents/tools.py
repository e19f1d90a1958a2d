"""Tools as data, and the one place that decides whether an agent may use one and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from stratus_agents import kubectl, monitoring
from stratus_agents.kubectl.values import is_text
from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.metrics.query import Malformed
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Wait

MAX_WAIT_S = 300


class Tool(NamedTuple):
    """A tool as models are offered it. `parameters` is JSON Schema; `writes` ones are for writing roles only."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    writes: bool = False


class Finished(NamedTuple):
    """The agent is done; `arguments` are those of `submit`."""

    arguments: Mapping[str, Any]


class Misuse(Exception):
    """A call that is not carried out. `kind` is what is counted, the message what the model is told."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


_LINE = {"type": "string", "maxLength": 400, "description": "one kubectl line; no pipes, no files, no shell"}
_NAME = {"type": "string", "maxLength": 200}
_TEXT = {"type": "string", "maxLength": 600}
_NOTHING = _object("")

_ALL = (
    Tool("kubectl", "Read: get, describe, logs, events, top, rollout status|history", _object("line", line=_LINE)),
    Tool(
        "kubectl_write",
        "Change one object: scale, set image|env|resources, patch -p JSON [--type=merge|json], apply|create|replace "
        "-f -, delete, label, annotate, rollout undo|restart|pause|resume, expose, autoscale, cordon, uncordon, drain, "
        "taint",
        _object("line", line=_LINE, manifest={"type": "string", "description": "what -f - reads: one object"}),
        writes=True,
    ),
    Tool("alerts", "Firing alerts", _NOTHING),
    Tool("metrics", "Per workload: requests, success, latency, load", _NOTHING),
    Tool("traces", "Calls between services: error share, error, latency", _NOTHING),
    Tool(
        "prometheus",
        "The samples of one metric now, by name and labels; no functions, no ranges",
        _object("name", name=_NAME, selector={**_NAME, "description": 'such as namespace="shop",reason!="OOMKilled"'}),
    ),
    Tool(
        "jaeger",
        "The last requests, span by span",
        _object(
            "",
            service={**_NAME, "description": "namespace/name of a workload they reached"},
            limit={"type": "integer", "minimum": 1, "maximum": monitoring.MAX_TRACES},
            trace_id={"type": "string", "description": "of one trace, as log lines have it"},
        ),
    ),
    Tool("wait", "Let time pass", _object("seconds", seconds={"type": "integer", "minimum": 1, "maximum": MAX_WAIT_S})),
    Tool("submit", "You are done; say what you found or did, and why", _object("summary", summary=_TEXT)),
    Tool(
        "verdict",
        "You are done; say whether something is wrong, and what",
        _object("problem summary", problem={"type": "boolean"}, summary=_TEXT),
    ),
)  # fmt: skip
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _ALL}
"""Every tool there is, by name."""

Result = str | Action | Wait | Finished
_Use = Callable[[Mapping[str, Any], Observation, bool], Result]


def use(name: str, text: str, offered: Mapping[str, Tool], seen: Observation) -> Result:
    """Carry a call out: an answer at once, or what the runtime is to do, or the end.

    Whoever is not offered a writing tool cannot write, whichever tool the line comes through.

    Raises:
        Misuse: unknown or forbidden tool, arguments that do not fit, a line that is refused.
    """
    if name not in offered:
        kind = "forbidden" if name in TOOLS else "unknown"
        raise Misuse(kind, f"no tool {name!r} for you; you have {', '.join(offered)}")
    arguments = _arguments(offered[name], text)
    return _USES[name](arguments, seen, any(tool.writes for tool in offered.values()))


def _arguments(tool: Tool, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise Misuse("malformed", f"the arguments of {tool.name} are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Misuse("malformed", f"the arguments of {tool.name} must be a JSON object")
    wrong = [
        _wrong(key, found.get(key), schema) for key, schema in tool.parameters["properties"].items() if key in found
    ]
    missing = [f"{key} is missing" for key in tool.parameters["required"] if key not in found]
    unknown = [f"{key} is unknown" for key in found if key not in tool.parameters["properties"]]
    problems = [problem for problem in (*wrong, *missing, *unknown) if problem]
    if problems:
        raise Misuse("malformed", f"the arguments of {tool.name}: {'; '.join(problems)}")
    return found


_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}


def _wrong(key: str, value: Any, schema: Mapping[str, Any]) -> str:
    wanted = schema["type"]
    if not isinstance(value, _TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool)):
        return f"{key} must be a {wanted}"
    if isinstance(value, str) and not is_text(value):
        return f"{key} holds half of a surrogate pair, which is no character"
    if wanted == "integer" and not schema["minimum"] <= value <= schema["maximum"]:
        return f"{key} must be from {schema['minimum']} to {schema['maximum']}"
    return ""


def _kubectl(arguments: Mapping[str, Any], seen: Observation, may_write: bool) -> str | Action:
    home = seen.namespaces[0] if len(seen.namespaces) == 1 else "default"
    try:
        command = kubectl.parse(arguments["line"], home)
        if not kubectl.writes(command):
            return kubectl.answer(command, seen)
        action = kubectl.as_action(command, arguments.get("manifest", ""))
    except kubectl.Refused as error:
        raise Misuse("refused", str(error)) from None
    if not may_write:
        raise Misuse("forbidden", f"your role only reads: kubectl {command.verb} is not for you")
    return action


def _telling(tell: Callable[[Mapping[str, Any], Observation], str]) -> _Use:
    """A tool that only reads."""

    def use(arguments: Mapping[str, Any], seen: Observation, _may_write: bool) -> str:
        try:
            return tell(arguments, seen)
        except Malformed as error:
            raise Misuse("refused", str(error)) from None

    return use


def _wait(arguments: Mapping[str, Any], _seen: Observation, _may_write: bool) -> Wait:
    return Wait(arguments["seconds"])


def _done(arguments: Mapping[str, Any], _seen: Observation, _may_write: bool) -> Finished:
    return Finished(arguments)


_USES: Mapping[str, _Use] = {
    "kubectl": _kubectl,
    "kubectl_write": _kubectl,
    "alerts": _telling(monitoring.alerts),
    "metrics": _telling(monitoring.metrics),
    "traces": _telling(monitoring.traces),
    "prometheus": _telling(monitoring.prometheus),
    "jaeger": _telling(monitoring.jaeger),
    "wait": _wait,
    "submit": _done,
    "verdict": _done,
}


def quoted(source: str, text: str, limit: int) -> str:
    """Text somebody else wrote, as data: fenced, with no way to close the fence from inside, at most `limit` long."""
    body = text.replace("<data", "<\u200bdata").replace("</data", "<\u200b/data")
    if len(body) > limit:
        body = f"{body[:limit]}\n... {len(body) - limit} more characters: ask for less"
    return f'<data from="{source}">\n{body}\n</data>'
