"""Lists as `kubectl get` prints them: the server chooses the columns (meta.k8s.io/v1 Table)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from stratus_sim.serve.columns import COLUMNS
from stratus_sim.telemetry import render_ingress
from stratus_sim.telemetry.render import Json
from stratus_sim.telemetry.render_pods import ready_column, restarted_at, restarts_column, status_column


class Span(NamedTuple):
    """How long it took from the moment at one path to that at another, or where that is none, until now."""

    begin: tuple[str, ...]
    end: tuple[str, ...] = ()


class Lately(NamedTuple):
    """A value, and how long ago it last changed; that is left out where `moment` finds nothing."""

    value: Callable[[Json], Any]
    moment: Callable[[Json], str]


Cell = Callable[[Json], Any] | Span | Lately
Column = tuple[str, Cell]


class Columns:
    """The columns of a kind after NAME, AGE last unless it is among them, and those `-o wide` adds."""

    def __init__(self, *narrow: Column, wide: tuple[Column, ...] = (), named: bool = True) -> None:
        self.narrow, self.wide, self.named = narrow, wide, named


def table(kind: str, items: Iterable[Json], now: str, version: str, include: str) -> Json:
    """A Table of objects; `include` is the request's `includeObject`, `now` the instant ages are counted to."""
    columns = _COLUMNS.get(kind) or Columns(*COLUMNS.get(kind, ()))
    aged = any(name == "Age" for name, _ in columns.narrow)
    shown: list[Column] = [("Name", _name), *columns.narrow, *(() if aged else (_AGE,))]
    if not columns.named:
        shown = [("Last Seen", lambda item: _since(item["lastTimestamp"], now)), *columns.narrow]
    everything = [*((column, 0) for column in shown), *((column, 1) for column in columns.wide)]
    definitions = [
        {"name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "", "priority": p}
        for (name, _), p in everything
    ]
    rows = [
        {"cells": [_cell(cell, item, now) for (_, cell), _ in everything], "object": _object(item, include)}
        for item in items
    ]
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions, "rows": rows,
    }  # fmt: skip


def _cell(cell: Cell, item: Json, now: str) -> Any:
    if isinstance(cell, Lately):
        moment = cell.moment(item)
        return f"{cell.value(item)} ({_since(moment, now)} ago)" if moment else cell.value(item)
    if not isinstance(cell, Span):
        return cell(item)
    begin = _at(*cell.begin)(item)
    end = _at(*cell.end)(item) if cell.end else ""
    return _since(begin, end or now) if begin else _NONE


def _object(item: Json, include: str) -> Json | None:
    if include == "None":
        return None
    if include == "Object":
        return item
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _name(item: Json) -> str:
    return str(item["metadata"]["name"])


def _since(then: str, now: str) -> str:
    return duration(int((datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()))


def duration(seconds: int) -> str:
    """A span as kubectl shortens it.

    >>> [duration(s) for s in (5, 130, 1200, 9000, 100000, 900000)]
    ['5s', '2m10s', '20m', '150m', '27h', '10d']
    """
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"


def _at(*path: str, default: Any = "") -> Callable[[Json], Any]:
    def read(item: Json) -> Any:
        found: Any = item
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return default if found is None else found

    return read


def _of(top: Callable[[Json], Any], part: Callable[[Json], Any]) -> Cell:
    return lambda item: f"{top(item)}/{part(item)}"


def _containers(item: Json) -> list[Json]:
    spec: Json = item["spec"]
    pod: Json = spec["template"]["spec"] if "template" in spec else spec
    return list(pod.get("containers") or ())


def _joined(values: Iterable[Any]) -> str:
    return ",".join(str(value) for value in values) or "<none>"


def _pairs(pairs: Mapping[str, str] | None) -> str:
    return _joined(f"{key}={value}" for key, value in (pairs or {}).items())


def _node_status(node: Json) -> str:
    ready = next((c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"), "Unknown")
    words = "Ready" if ready == "True" else "NotReady"
    return f"{words},SchedulingDisabled" if node["spec"].get("unschedulable") else words


def _roles(node: Json) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels") or {}
    return _joined(key.removeprefix(prefix) for key in labels if key.startswith(prefix))


def _address(kind: str) -> Cell:
    def read(node: Json) -> str:
        return next((a["address"] for a in node["status"].get("addresses") or () if a["type"] == kind), "<none>")

    return read


def _gates(pod: Json) -> str:
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    open_ = {c["type"] for c in pod["status"]["conditions"] if c["status"] == "True"}
    return f"{sum(gate in open_ for gate in gates)}/{len(gates)}" if gates else _NONE


def _service_ports(service: Json) -> str:
    return _joined(f"{p['port']}/{p.get('protocol') or 'TCP'}" for p in service["spec"].get("ports") or ())


def _count(*fields: str) -> Cell:
    return lambda item: sum(len(item.get(field) or {}) for field in fields)


def _involved(event: Json) -> str:
    about = event["involvedObject"]
    return f"{about['kind'].lower()}/{about['name']}"


def _endpoints(item: Json) -> str:
    return _joined(address for endpoint in item.get("endpoints") or () for address in endpoint["addresses"])


_NONE = "<none>"
_AGE: Column = ("Age", Span(("metadata", "creationTimestamp")))
_WORKLOAD: tuple[Column, ...] = (
    ("Containers", lambda item: _joined(c["name"] for c in _containers(item))),
    ("Images", lambda item: _joined(c.get("image", "") for c in _containers(item))),
)
_SELECTOR: Column = ("Selector", lambda item: _pairs((item["spec"]["selector"] or {}).get("matchLabels")))
_READY = _at("status", "readyReplicas", default=0)
_WANTED = _at("spec", "replicas", default=0)


def _completions(job: Json) -> str:
    wanted, done = job["spec"].get("completions"), job["status"]["succeeded"]
    if wanted is None:
        parallelism = job["spec"].get("parallelism", 1)
        return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    return f"{done}/{wanted}"


def _job_state(job: Json) -> str:
    found = {c["type"] for c in job["status"].get("conditions") or ()}
    return next((kind for kind in ("Complete", "Failed", "Suspended") if kind in found), "Running")


def _targets(autoscaler: Json) -> str:
    status = autoscaler.get("status") or {}
    shown = []
    for metric in status.get("currentMetrics") or ():
        source = metric.get("resource") or metric["containerResource"]
        current = source["current"]
        value = f"{current['averageUtilization']}%" if "averageUtilization" in current else current["averageValue"]
        shown.append(f"{source['name']}: {value}")
    return ", ".join(shown) or "<unknown>"


def _reference(autoscaler: Json) -> str:
    target = autoscaler["spec"]["scaleTargetRef"]
    return f"{target['kind']}/{target['name']}"


def _ingress(number: int) -> Cell:
    return lambda item: render_ingress.columns(item)[number]


_COLUMNS: Mapping[str, Columns] = {
    "Pod": Columns(
        ("Ready", ready_column), ("Status", status_column), ("Restarts", Lately(restarts_column, restarted_at)),
        wide=(
            ("IP", _at("status", "podIP", default=_NONE)), ("Node", _at("spec", "nodeName", default=_NONE)),
            ("Nominated Node", _at("status", "nominatedNodeName", default=_NONE)), ("Readiness Gates", _gates),
        ),
    ),
    "Deployment": Columns(
        ("Ready", _of(_READY, _WANTED)), ("Up-to-date", _at("status", "updatedReplicas", default=0)),
        ("Available", _at("status", "availableReplicas", default=0)), wide=(*_WORKLOAD, _SELECTOR),
    ),
    "ReplicaSet": Columns(
        ("Desired", _WANTED), ("Current", _at("status", "replicas", default=0)), ("Ready", _READY),
        wide=(*_WORKLOAD, _SELECTOR),
    ),
    "StatefulSet": Columns(("Ready", _of(_READY, _WANTED)), wide=_WORKLOAD),
    "DaemonSet": Columns(
        ("Desired", _at("status", "desiredNumberScheduled", default=0)),
        ("Current", _at("status", "currentNumberScheduled", default=0)),
        ("Ready", _at("status", "numberReady", default=0)),
        ("Up-to-date", _at("status", "updatedNumberScheduled", default=0)),
        ("Available", _at("status", "numberAvailable", default=0)),
        ("Node Selector", lambda item: _pairs(item["spec"]["template"]["spec"].get("nodeSelector"))),
        wide=(*_WORKLOAD, _SELECTOR),
    ),
    "Job": Columns(
        ("Status", _job_state), ("Completions", _completions),
        ("Duration", Span(("status", "startTime"), ("status", "completionTime"))), wide=_WORKLOAD,
    ),
    "CronJob": Columns(
        ("Schedule", _at("spec", "schedule")), ("Timezone", _at("spec", "timeZone", default=_NONE)),
        ("Suspend", lambda item: str(bool(item["spec"].get("suspend")))),
        ("Active", lambda item: len(item["status"].get("active") or ())),
        ("Last Schedule", Span(("status", "lastScheduleTime"))),
    ),
    "HorizontalPodAutoscaler": Columns(
        ("Reference", _reference), ("Targets", _targets), ("MinPods", _at("spec", "minReplicas", default=1)),
        ("MaxPods", _at("spec", "maxReplicas")), ("Replicas", _at("status", "currentReplicas", default=0)),
    ),
    "ControllerRevision": Columns(
        ("Controller", lambda item: _joined(
            f"{o['kind'].lower()}.apps/{o['name']}" for o in item["metadata"].get("ownerReferences") or ()
        )), ("Revision", _at("revision")),
    ),
    "Service": Columns(
        ("Type", _at("spec", "type")), ("Cluster-IP", _at("spec", "clusterIP", default=_NONE)),
        ("External-IP", lambda _: _NONE), ("Port(s)", _service_ports),
        wide=(("Selector", lambda item: _pairs(item["spec"].get("selector"))),),
    ),
    "Ingress": Columns(
        *((name, _ingress(n)) for n, name in enumerate(("Class", "Hosts", "Address", "Ports"))),
    ),
    "IngressClass": Columns(("Controller", _at("spec", "controller")), ("Parameters", lambda _: _NONE)),
    "Node": Columns(
        ("Status", _node_status), ("Roles", _roles), _AGE, ("Version", _at("status", "nodeInfo", "kubeletVersion")),
        wide=(("Internal-IP", _address("InternalIP")),),
    ),
    "Namespace": Columns(("Status", _at("status", "phase"))),
    "ConfigMap": Columns(("Data", _count("data", "binaryData"))),
    "Secret": Columns(("Type", _at("type", default="Opaque")), ("Data", _count("data"))),
    "ServiceAccount": Columns(("Secrets", _count("secrets"))),
    "Lease": Columns(("Holder", _at("spec", "holderIdentity", default=""))),
    "EndpointSlice": Columns(
        ("AddressType", _at("addressType")),
        ("Ports", lambda item: _joined(port["port"] for port in item.get("ports") or ())), ("Endpoints", _endpoints),
    ),
    "Event": Columns(
        ("Type", _at("type")), ("Reason", _at("reason")), ("Object", _involved), ("Message", _at("message")),
        wide=(("Count", _at("count", default=1)), ("Name", _name)), named=False,
    ),
}  # fmt: skip
