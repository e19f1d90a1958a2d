"""Objects as rows, in columns like kubectl's, with what one would else have to describe an object for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from stratus_sim.telemetry import render_ingress
from stratus_sim.telemetry.render_pods import ready_column, restarts_column, status_column

Json = dict[str, Any]
Columns = tuple[str, ...]


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns, three spaces between them, as kubectl prints; cells never hold two spaces in a row."""
    lines = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    return "\n".join("   ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()) or "<none>"


def columns(kind: str, wide: bool) -> tuple[Columns, Callable[[Json], list[Any]]]:
    """(column names, what stands in them for one object) of a kind."""
    names, row = _TABLES.get(kind, (("CREATED",), lambda body: [body["metadata"].get("creationTimestamp", "")]))
    more_names, more = _WIDE.get(kind, ((), lambda _body: [])) if wide else ((), lambda _body: [])
    return (*names, *more_names), lambda body: [*row(body), *more(body)]


def _pod(body: Json) -> list[Any]:
    return [ready_column(body), pod_status(body), restarts_column(body)]


def pod_status(body: Json) -> str:
    """The STATUS column of a pod, and beside it why a container last ended where that is not what it shows."""
    shown = status_column(body)
    last = next((reason for reason in map(_last, body["status"].get("containerStatuses") or ()) if reason), "")
    if shown == "CrashLoopBackOff" and last == "OOMKilled":
        return "CrashLoopBackOff (OOMKilled)"
    return f"Running (last {last})" if shown == "Running" and last else shown


def _last(status: Json) -> str:
    """Why a container that is not ready ended before."""
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return "" if status["ready"] else str(ended.get("reason", ""))


def _deployment(body: Json) -> list[Any]:
    status = body.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{body['spec'].get('replicas', 1)}"
    return [ready, status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]


def _sized(body: Json) -> list[Any]:
    return [body["spec"].get("replicas", 1), (body.get("status") or {}).get("readyReplicas", 0)]


def _service(body: Json) -> list[Any]:
    ports = [f"{p['port']}->{p.get('targetPort', p['port'])}" for p in body["spec"].get("ports") or ()]
    return [body["spec"].get("type", "ClusterIP"), ",".join(ports)]


def _node(body: Json) -> list[Any]:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in body["status"]["conditions"])
    closed = (body.get("spec") or {}).get("unschedulable")
    return [("Ready" if ready else "NotReady") + (",SchedulingDisabled" if closed else "")]


def _endpoints(body: Json) -> list[Any]:
    ports = ",".join(str(port.get("port", "")) for port in body.get("ports") or ())
    names = [(endpoint.get("targetRef") or {}).get("name", "") for endpoint in body.get("endpoints") or ()]
    return [ports, ",".join(filter(None, names))]


def _labels(pairs: Json | None) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((pairs or {}).items()))


def _images(body: Json) -> list[Any]:
    return [",".join(c.get("image", "") for c in body["spec"]["template"]["spec"]["containers"])]


_Row = Callable[[Json], list[Any]]
_TABLES: dict[str, tuple[Columns, _Row]] = {
    "Pod": (("READY", "STATUS", "RESTARTS"), _pod),
    "Deployment": (("READY", "UP-TO-DATE", "AVAILABLE"), _deployment),
    "StatefulSet": (("DESIRED", "READY"), _sized),
    "ReplicaSet": (("DESIRED", "READY"), _sized),
    "Service": (("TYPE", "PORT(S)"), _service),
    "EndpointSlice": (("PORTS", "ENDPOINTS"), _endpoints),
    "Node": (("STATUS",), _node),
    "Ingress": (("CLASS", "HOSTS", "ADDRESS", "PORTS"), render_ingress.columns),
    "ConfigMap": (("DATA",), lambda body: [len(body.get("data") or {})]),
    "Secret": (("DATA",), lambda body: [len(body.get("data") or {})]),
}
_WIDE: dict[str, tuple[Columns, _Row]] = {
    "Pod": (("NODE", "LABELS"), lambda b: [b["spec"].get("nodeName", ""), _labels(b["metadata"].get("labels"))]),
    "Deployment": (("IMAGES",), _images),
    "Service": (("SELECTOR",), lambda b: [_labels(b["spec"].get("selector"))]),
    "Node": (("LABELS",), lambda b: [_labels(b["metadata"].get("labels"))]),
}
