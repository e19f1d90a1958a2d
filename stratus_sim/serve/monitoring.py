"""What monitoring would have of the cluster, beside its API: metrics to scrape, alerts, and traces.

Under `/stratus/`, because in a cluster it comes from programs of its own: `metrics` in the text format of Prometheus,
`alerts` and `traces` as the APIs of Prometheus (`/api/v1/alerts`) and Jaeger (`/api/traces`) answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from stratus_sim.serve.answers import NOT_FOUND, Answer, Refusal, Request, not_allowed
from stratus_sim.serve.calendar import Calendar
from stratus_sim.telemetry import signals
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.traces import find, jaeger, traces

if TYPE_CHECKING:
    from stratus_sim.world import World

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_FEW, _MOST = 20, 1_000


def answer(world: World, calendar: Calendar, request: Request, what: str) -> Answer:
    """Raises Refusal: 404, 405, or 400 for a parameter that nobody can read."""
    if what not in _ANSWERS:
        raise Refusal(404, NOT_FOUND)
    if request.method != "GET":
        raise not_allowed(request)
    return _ANSWERS[what](world, calendar, request)


def _metrics(world: World, calendar: Calendar, _request: Request) -> Answer:
    return Answer(exposition(world, moved_s=calendar.moved_s()), content_type=_TEXT)


def _alerts(world: World, calendar: Calendar, _request: Request) -> Answer:
    found = [("pending", alert) for alert in pending(world)] + [("firing", alert) for alert in firing(world)]
    shown = [signals.told(alert, state, calendar.dated) for state, alert in found]
    return Answer({"status": "success", "data": {"alerts": shown}})


def _traces(world: World, calendar: Calendar, request: Request) -> Answer:
    """`limit` traces at most, newest last; with `service` (`namespace/name` of a workload) those that reached it; the
    one of a `traceID`, as log lines have it."""
    limit, named = request.parameters.get("limit", str(_FEW)), request.parameters.get("traceID")
    if not limit.isdecimal() or not 0 < int(limit) <= _MOST:
        raise Refusal(400, f"limit {limit!r}: expected a number from 1 to {_MOST}")
    found = [find(world, named)] if named else traces(world, int(limit), request.parameters.get("service"))
    return Answer(jaeger(found, moved_s=calendar.moved_s()))


_ANSWERS: Mapping[str, Callable[[World, Calendar, Request], Answer]] = {
    "metrics": _metrics, "alerts": _alerts, "traces": _traces,
}  # fmt: skip
