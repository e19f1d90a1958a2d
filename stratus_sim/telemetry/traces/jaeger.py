"""Traces in the shape of Jaeger's query API, as its UI and the agents' tools of SRE benchmarks read them.

Source: jaegertracing.io/docs/latest/apis ("HTTP JSON"); tags follow OpenTelemetry's semantic conventions. Times are
microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stratus_sim.cluster.calendar import moment
from stratus_sim.telemetry.render import Json
from stratus_sim.telemetry.traces.spans import Span, Trace

_MICROSECONDS = 1_000_000


def jaeger(found: Iterable[Trace], *, moved_s: int = 0) -> Json:
    """What `GET /api/traces` answers with; times are `moved_s` seconds later than the world has them."""
    later = [tuple(span._replace(start_us=span.start_us + moved_s * _MICROSECONDS) for span in one) for one in found]
    return {"data": [_trace(trace) for trace in later if trace], "errors": None}


def _trace(trace: Trace) -> Json:
    places = list(dict.fromkeys((span.service, span.pod) for span in trace))
    processes = {place: f"p{number}" for number, place in enumerate(places, 1)}
    return {
        "traceID": trace[0].trace_id,
        "spans": [_span(span, processes[span.service, span.pod]) for span in trace],
        "processes": {process: _process(*place) for place, process in processes.items()},
    }


def _span(span: Span, process: str) -> Json:
    parent = {"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.operation,
        "references": [parent] if span.parent_id else [],
        "startTime": unix_us(span.start_us),
        "duration": span.duration_us,
        "tags": [_tag("span.kind", span.kind), *_failure(span.error)],
        "logs": [],
        "processID": process,
    }


def _failure(error: str) -> list[Json]:
    if not error:
        return []
    stated = [_tag("otel.status_code", "ERROR"), _tag("otel.status_description", error)]
    return [{"key": "error", "type": "bool", "value": True}, *stated]


def _process(service: str, pod: str) -> Json:
    namespace, _, name = service.partition("/")
    tags = [_tag("k8s.namespace.name", namespace), _tag("k8s.pod.name", pod)]
    return {"serviceName": name, "tags": tags}


def _tag(key: str, value: Any) -> Json:
    return {"key": key, "type": "string", "value": value}


def unix_us(time_us: int) -> int:
    """An instant of the world as microseconds since 1970."""
    return int(moment(0).timestamp()) * _MICROSECONDS + time_us
