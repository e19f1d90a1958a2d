"""What monitoring tells an agent: alerts, workloads, calls, samples of a metric, requests span by span.

Each function takes the arguments of the tool of its name and an observation, and returns text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_agents.kubectl.tables import table
from stratus_sim.telemetry.observation import Observation

MAX_TRACES = 20
_FEW_TRACES = 5
_MAX_SAMPLES = 100
Arguments = Mapping[str, Any]


def alerts(_arguments: Arguments, seen: Observation) -> str:
    rows = [(a["labels"]["alertname"], _subject(a["labels"]), a["activeAt"]) for a in seen.alerts()]
    return table(("ALERT", "SUBJECT", "SINCE"), rows) if rows else "no alert is firing"


def _subject(labels: Mapping[str, str]) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if k not in ("alertname", "severity"))


def metrics(_arguments: Arguments, seen: Observation) -> str:
    rows = [
        (name, m["requests_per_s"], m["success_share"], m["latency_ms"], m["saturation"], m["serving_pods"])
        for name, m in sorted(seen.metrics().items())
    ]
    return table(("WORKLOAD", "REQ/S", "SUCCESS", "LATENCY MS", "LOAD", "PODS"), rows)


def traces(_arguments: Arguments, seen: Observation) -> str:
    """Failing calls first, then the slowest."""
    calls = sorted(seen.calls(), key=lambda c: (-c["error_share"], -c["latency_ms"], c["caller"], c["callee"]))
    rows = [
        (c["caller"], c["callee"], c["requests_per_s"], c["error_share"], c["latency_ms"], c["error"]) for c in calls
    ]
    return table(("CALLER", "CALLEE", "REQ/S", "ERRORS", "LATENCY MS", "ERROR"), rows)


def prometheus(arguments: Arguments, seen: Observation) -> str:
    """The samples as an exposition has them, as many as a model can read.

    Raises:
        Malformed: there is no such metric, or the selector is none.
    """
    found = seen.query(arguments["name"], arguments.get("selector", ""))
    lines = [f"{_series(row['metric'])} {row['value'][1]}" for row in found[:_MAX_SAMPLES]]
    left = len(found) - len(lines)
    return "\n".join([*lines, *([f"... and {left} more: ask for fewer labels"] if left else [])]) or "no samples"


def _series(metric: Mapping[str, str]) -> str:
    labels = ",".join(f"{name}={json.dumps(value)}" for name, value in metric.items() if name != "__name__")
    return f"{metric['__name__']}{{{labels}}}"


def jaeger(arguments: Arguments, seen: Observation) -> str:
    named = arguments.get("trace_id")
    found = seen.trace(named) if named else seen.traces(arguments.get("limit", _FEW_TRACES), arguments.get("service"))
    return "\n".join(line for trace in found["data"] for line in _spans(trace)) or "no request has left a trace"


def _spans(trace: Mapping[str, Any]) -> Iterator[str]:
    """The trace's id, then its spans, callers first: service, operation, milliseconds, and what went wrong."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    for span in trace["spans"]:
        below.setdefault(next((one["spanID"] for one in span["references"]), ""), []).append(span)
    yield f"trace {trace['traceID']}"
    yield from _under(trace, below, "", 1)


def _under(
    trace: Mapping[str, Any], below: Mapping[str, list[Mapping[str, Any]]], parent: str, depth: int
) -> Iterator[str]:
    for span in below.get(parent, ()):
        tags = {tag["key"]: tag["value"] for tag in span["tags"]}
        process = trace["processes"][span["processID"]]
        pod = next((tag["value"] for tag in process["tags"] if tag["key"] == "k8s.pod.name"), "")
        what = f"{tags['span.kind']} {span['operationName']} in {process['serviceName']} ({pod})"
        error = f" ERROR {tags.get('otel.status_description', '')}" if tags.get("error") else ""
        yield f"{'  ' * depth}{what} {span['duration'] / 1000:g} ms{error}"
        yield from _under(trace, below, span["spanID"], depth + 1)
