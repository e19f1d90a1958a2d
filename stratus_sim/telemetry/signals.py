"""What monitoring shows of a world: alerts, metrics of workloads, calls between them, Kubernetes Events.

Shapes follow the Prometheus alerts API and the Kubernetes Event v1; numbers are those of the present flows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.flow import CallFlow, EntryFlow, Flows, WorkloadFlow
from stratus_sim.cluster.objects import EventRecord
from stratus_sim.telemetry.alerts import Alert, firing
from stratus_sim.telemetry.chronicle import chronicle
from stratus_sim.telemetry.render import Json, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

USERS = "users"
"""The caller of requests that enter from outside; no workload is called so, their names contain a slash."""


def alerts(world: World) -> list[Json]:
    """The firing alerts in order of rule and subject."""
    return [told(alert, "firing") for alert in firing(world)]


def told(alert: Alert, state: str, dated: Callable[[str], str] = str) -> Json:
    """An alert as Prometheus' API has it; `dated` makes the date clients are told of that of an instant."""
    since, said = dated(timestamp(alert.since_us)), alert.annotations
    return {"labels": alert.labels, "annotations": said, "state": state, "activeAt": since, "value": alert.shown}


def events(world: World, namespace: str | None) -> list[Json]:
    """The Events about objects of a namespace (all for None), newest last."""
    return [_event(e) for e in chronicle(world) if namespace in (None, e.involved.namespace)]


def _event(event: EventRecord) -> Json:
    kind, namespace, name = event.involved
    return {
        "type": event.type,
        "reason": event.reason,
        "message": event.message,
        "count": event.count,
        "firstTimestamp": timestamp(event.first_us),
        "lastTimestamp": timestamp(event.last_us),
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name},
    }


def metrics(world: World) -> dict[str, Json]:
    """Per workload `namespace/name`: requests per second, shares in [0, 1], latency in milliseconds."""
    return {name: _workload(flow) for name, flow in epochs.current(world).workloads.items()}


def _workload(flow: WorkloadFlow) -> Json:
    return {
        "requests_per_s": flow.rate / 1000,
        "success_share": flow.success_permille / 1000,
        "latency_ms": flow.latency_us / 1000,
        "saturation": flow.load_permille / 1000,
        "serving_pods": flow.pods,
    }


def calls(world: World) -> list[Json]:
    """Users' requests at each entry Service, then every call between workloads, as their callers see them."""
    flows = epochs.current(world)
    return [*map(_entry, flows.entries), *(_call(flows, flow) for flow in flows.calls)]


def _entry(flow: EntryFlow) -> Json:
    return _edge(USERS, flow.service, flow.rate, flow)


def _call(flows: Flows, flow: CallFlow) -> Json:
    """A caller without serving pods calls nobody."""
    source = flows.workloads[flow.call.source_key]
    return _edge(flow.call.source_key, flow.call.target_key, flow.rate if source.pods else 0, flow)


def _edge(caller: str, callee: str, rate: int, flow: CallFlow | EntryFlow) -> Json:
    return {
        "caller": caller,
        "callee": callee,
        "requests_per_s": rate / 1000,
        "error_share": (1000 - flow.success_permille) / 1000,
        "latency_ms": flow.latency_us / 1000,
        "error": flow.error,
    }
