"""What exporters read off objects as the API server has them: labels of identity, counts, amounts, states."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from stratus_sim.manifests import quantity
from stratus_sim.telemetry.metrics.table import Labels, Metric, Moment, Sample, Samples, Scrape, register
from stratus_sim.telemetry.render import Json

_CALLED = {"Job": "job_name", "Endpoints": "endpoint"}
"""Kinds whose names are under another label: Prometheus calls what it scrapes a `job`."""
_WITH_UID = ("Pod", "Service")


def identity(kind: str, body: Json) -> dict[str, str]:
    """The labels that name an object: its namespace, if it has one, its name, and of some kinds the uid."""
    metadata = body["metadata"]
    home = {"namespace": str(metadata["namespace"])} if metadata.get("namespace") else {}
    uid = {"uid": str(metadata["uid"])} if kind in _WITH_UID else {}
    return {**home, _CALLED.get(kind, kind.lower()): str(metadata["name"]), **uid}


def at(body: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path, None where nothing does.

    >>> at({"spec": {"replicas": 2}}, "spec.replicas"), at({"spec": None}, "spec.paused")
    (2, None)
    """
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def each(kind: str, read: Callable[[Json], Iterable[tuple[Labels, float]]]) -> Samples:
    """What `read` says of every object of a kind, labels and values, under the labels that name the object."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            known = identity(kind, body)
            for labels, value in read(body):
                yield Sample({**known, **labels}, value)

    return samples


def gauge(name: str, kind: str, help_: str, read: Callable[[Json], Iterable[tuple[Labels, float]]]) -> None:
    """Register a gauge of every object of a kind."""
    register(Metric(name, "gauge", help_, each(kind, read)))


def count(name: str, kind: str, path: str, help_: str, default: int | None = None) -> None:
    """Register a gauge that is the number at a path of every object of a kind; absent ones have `default` or none."""

    def read(body: Json) -> Iterator[tuple[Labels, float]]:
        found = at(body, path)
        value = default if found is None else int(found)
        if value is not None:
            yield {}, value

    gauge(name, kind, help_, read)


def length(name: str, kind: str, path: str, help_: str) -> None:
    """Register a gauge that is how long the list at a path of every object of a kind is."""
    gauge(name, kind, help_, lambda body: [({}, len(at(body, path) or ()))])


def moment(name: str, kind: str, path: str, help_: str) -> None:
    """Register a gauge that is the time at a path, in seconds since 1970."""

    def read(body: Json) -> Iterator[tuple[Labels, float]]:
        if found := at(body, path):
            yield {}, unix(str(found))

    gauge(name, kind, help_, read)


def texts(body: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, str]:
    """What stands at each path as the value of a label, empty where nothing does."""
    found = {name: at(body, path) for name, path in paths.items()}
    return {name: "" if value is None else str(value) for name, value in found.items()}


def described(name: str, kind: str, help_: str, paths: Mapping[str, str]) -> None:
    """Register a gauge that is 1 for every object of a kind and says in labels what stands at some paths."""
    gauge(name, kind, help_, lambda body: [(texts(body, paths), 1)])


def unix(timestamp: str) -> Moment:
    """Seconds since 1970 of an RFC 3339 time."""
    return Moment(datetime.fromisoformat(timestamp).timestamp())


def one_of(name: str, values: Iterable[str], holds: str | None) -> Iterator[tuple[Labels, float]]:
    """A value for each of `values`, 1 for the one that holds and 0 for the others."""
    for value in values:
        yield {name: value}, int(value == holds)


def statuses(name: str, condition: Mapping[str, Any]) -> Iterator[tuple[Labels, float]]:
    """A condition as three values, one a status."""
    return one_of(name, ("true", "false", "unknown"), str(condition["status"]).lower())


def conditions(name: str, kind: str, help_: str, reasons: Sequence[str] | None = None) -> None:
    """Register each condition of each object of a kind; with `reasons` they say why, if for one of these."""

    def read(body: Json) -> Iterator[tuple[Labels, float]]:
        for found in at(body, "status.conditions") or ():
            why = found.get("reason") or ""
            told = {"reason": why if why in reasons else "unknown"} if reasons is not None else {}
            for labels, value in statuses("status", found):
                yield {**told, "condition": found["type"], **labels}, value

    gauge(name, kind, help_, read)


def owner(body: Json) -> list[dict[str, str]]:
    """Kind and name of each owner of an object, and whether it controls it; empty for one that has none."""
    found = body["metadata"].get("ownerReferences") or ()
    told = [
        {"owner_kind": one["kind"], "owner_name": one["name"], "owner_is_controller": _said(one.get("controller"))}
        for one in found
    ]
    return told or [dict.fromkeys(("owner_kind", "owner_name", "owner_is_controller"), "")]


def _said(flag: Any) -> str:
    return str(bool(flag)).lower()


def owners(name: str, kind: str) -> None:
    """Register a gauge that is 1 for every owner of every object of a kind and says who that is."""
    gauge(name, kind, f"Information about the {kind}'s owner.", lambda body: [(one, 1) for one in owner(body)])


_INTEGER, _BYTES = "integer", "byte"
_UNITS = {"cpu": "core", "memory": _BYTES, "ephemeral-storage": _BYTES, "storage": _BYTES, "pods": _INTEGER}
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")


def _unit(resource: str) -> str:
    """The unit of a resource; "" for one that is neither Kubernetes' own nor somebody's extension."""
    if resource.startswith(("hugepages-", "attachable-volumes-")):
        return _BYTES
    extended = "/" in resource and "kubernetes.io/" not in resource and not resource.startswith("requests.")
    return _UNITS.get(resource, _INTEGER if extended else "")


def plain_amount(amount: Any) -> float:
    """A quantity as a number; what is less than a thousandth counts as one."""
    return math.ceil(quantity.amount(amount) * 1000) / 1000


def amounts(found: Mapping[str, Any] | None) -> Iterator[tuple[Labels, float]]:
    """Resources by name and unit, as kube-state-metrics writes them: cores, bytes, whole numbers."""
    for name, amount in sorted((found or {}).items()):
        if unit := _unit(name):
            yield {"resource": _NOT_IN_NAMES.sub("_", name), "unit": unit}, plain_amount(amount)
