"""Requests, errors and durations as instrumented processes count them, and what consumers of queues are behind by.

Names and attributes: opentelemetry.io/docs/specs/semconv/http/http-metrics and the collector's span metrics, as
Prometheus writes them, with the buckets that page advises; `kafka_consumergroup_lag` is that of
github.com/danielqsj/kafka_exporter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_sim.application.behaviours.queue import lags
from stratus_sim.application.dynamics.counters import LinkCount, WorkloadCount
from stratus_sim.application.dynamics.durations import within
from stratus_sim.application.errors import REFUSED, RESET, UPSTREAM
from stratus_sim.manifests.calls import is_telemetry
from stratus_sim.telemetry.metrics.table import Labels, Sample, Scrape, metric
from stratus_sim.telemetry.software import speaks_for_itself

_UNANSWERED = frozenset({REFUSED, RESET})
_MILLI, _MICRO = 1_000, 1_000_000
_BOUNDS_US = tuple(1_000 * n for n in (5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000))


def _service(workload: str) -> dict[str, str]:
    namespace, _, name = workload.partition("/")
    return {"namespace": namespace, "service_name": name}


def _servers(scrape: Scrape) -> Iterator[tuple[dict[str, str], WorkloadCount]]:
    for name, count in scrape.counts.workloads.items():
        if count.arrived and speaks_for_itself(scrape.world, name):
            yield _service(name), count


def _clients(scrape: Scrape) -> Iterator[tuple[dict[str, str], LinkCount]]:
    for call, count in scrape.counts.calls.items():
        speaks = speaks_for_itself(scrape.world, call.source_key) and not is_telemetry(call.target, call.port)
        if count.tried and speaks:
            yield {**_service(call.source_key), "server_address": call.target}, count


def _durations(labels: Labels, count: int, latency: int, durations: Mapping[int, int]) -> Iterator[Sample]:
    """A histogram of thousandths of requests that took so many thousandths times microseconds together."""
    for bound_us in _BOUNDS_US:
        found = min(count, within(durations, bound_us))
        yield Sample({**labels, "le": f"{bound_us / _MICRO:g}"}, found // _MILLI, "_bucket")
    yield Sample({**labels, "le": "+Inf"}, count // _MILLI, "_bucket")
    yield Sample(labels, latency // _MILLI / _MICRO, "_sum")
    yield Sample(labels, count // _MILLI, "_count")


@metric("http_server_request_duration_seconds", "histogram", "Duration of HTTP server requests.")
def _served(scrape: Scrape) -> Iterator[Sample]:
    """Of what was answered: what waits has no duration yet, and who died in the middle has recorded none."""
    for labels, count in _servers(scrape):
        answered = count.arrived - count.queued - sum(count.errors.get(text, 0) for text in _UNANSWERED)
        yield from _durations(labels, answered, count.latency, count.durations)


@metric("http_requests_total", "counter", "HTTP requests answered, by status code.")
def _answered(scrape: Scrape) -> Iterator[Sample]:
    for labels, count in _servers(scrape):
        other = sum(number for text, number in count.errors.items() if text not in _UNANSWERED | {UPSTREAM})
        codes = {"200": count.succeeded, "500": other, "503": count.shed + count.errors.get(UPSTREAM, 0)}
        for code, number in codes.items():
            if number:
                yield Sample({**labels, "http_response_status_code": code}, number // _MILLI)


@metric("http_client_request_duration_seconds", "histogram", "Duration of HTTP client requests.")
def _called(scrape: Scrape) -> Iterator[Sample]:
    for labels, count in _clients(scrape):
        yield from _durations(labels, count.tried, count.latency, count.durations)


@metric("traces_span_metrics_calls_total", "counter", "Spans by service, operation, status and type of error.")
def _spans(scrape: Scrape) -> Iterator[Sample]:
    for labels, count in _clients(scrape):
        about = {
            "namespace": labels["namespace"],
            "service_name": labels["service_name"],
            "span_name": labels["server_address"],
            "span_kind": "SPAN_KIND_CLIENT",
        }
        yield Sample({**about, "status_code": "STATUS_CODE_UNSET"}, count.succeeded // _MILLI)
        for text, number in count.errors.items():
            yield Sample({**about, "status_code": "STATUS_CODE_ERROR", "error_type": text}, number // _MILLI)


@metric("kafka_consumergroup_lag", "gauge", "Current approximate lag of a consumer group.")
def _lag(scrape: Scrape) -> Iterator[Sample]:
    for (queue, consumer), behind in lags(scrape.world).items():
        yield Sample({**_service(queue), "consumergroup": consumer.partition("/")[2]}, behind)
