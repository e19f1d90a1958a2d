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
    data = [_trace(trace) for trace in later if trace]
    return {"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None}


def _trace(trace: Trace) -> Json:
    places = list(dict.fromkeys((span.service, span.pod) for span in trace))
    processes = {place: f"p{number}" for number, place in enumerate(places, 1)}
    answers = {span.parent_id: span for span in trace if span.kind == "server"}
    return {
        "traceID": trace[0].trace_id,
        "spans": [_span(span, answers.get(span.span_id), processes[span.service, span.pod]) for span in trace],
        "processes": {process: _process(*place) for place, process in processes.items()},
        "warnings": None,
    }


def _span(span: Span, answer: Span | None, process: str) -> Json:
    parent = {"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.operation,
        "references": [parent] if span.parent_id else [],
        "startTime": unix_us(span.start_us),
        "duration": span.duration_us,
        "tags": [_tag("span.kind", span.kind), *_about(span, answer), *_failure(span.error)],
        "logs": [],
        "processID": process,
        "warnings": None,
    }


def _about(span: Span, answer: Span | None) -> list[Json]:
    """Whom a client called, what was answered, and what went wrong: a status code where there is one."""
    called = [_tag("server.address", span.operation)] if span.kind == "client" else []
    heard = span if span.kind == "server" else answer if answer is not None and answer.end_us <= span.end_us else None
    code = heard.status if heard is not None else 0
    status = [{"key": "http.response.status_code", "type": "int64", "value": code}] if code else []
    return [*called, *status, *([_tag("error.type", str(code or span.error))] if span.error else [])]


def _failure(error: str) -> list[Json]:
    if not error:
        return []
    stated = [_tag("otel.status_code", "ERROR"), _tag("otel.status_description", error)]
    return [*stated, {"key": "error", "type": "bool", "value": True}]


def _process(service: str, pod: str) -> Json:
    namespace, _, name = service.partition("/")
    tags = [_tag("k8s.namespace.name", namespace), _tag("k8s.pod.name", pod)]
    return {"serviceName": name, "tags": tags}


def _tag(key: str, value: Any) -> Json:
    return {"key": key, "type": "string", "value": value}


def unix_us(time_us: int) -> int:
    """An instant of the world as microseconds since 1970."""
    return int(moment(0).timestamp()) * _MICROSECONDS + time_us
