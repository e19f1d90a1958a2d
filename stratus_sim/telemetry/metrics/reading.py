"""What exporters read off rendered objects: labels of identity, counts, amounts, states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from stratus_sim.manifests import quantity
from stratus_sim.telemetry.metrics.table import Labels, Metric, Moment, Sample, Samples, Scrape, register
from stratus_sim.telemetry.render import Json


def identity(kind: str, body: Json) -> dict[str, str]:
    """The labels that name an object: its namespace, if it has one, and its name.

    Jobs are under `job_name`, because Prometheus calls what it scrapes a `job`.
    """
    metadata = body["metadata"]
    home = {"namespace": str(metadata["namespace"])} if metadata.get("namespace") else {}
    return {**home, "job_name" if kind == "Job" else kind.lower(): str(metadata["name"])}


def at(body: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path, None where nothing does.

    >>> at({"spec": {"replicas": 2}}, "spec.replicas"), at({"spec": None}, "spec.paused")
    (2, None)
    """
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def count(name: str, kind: str, path: str, help_: str, default: int | None = None) -> None:
    """Register a gauge that is the number at a path of every object of a kind; absent ones have `default` or none."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            found = at(body, path)
            value = default if found is None else int(found)
            if value is not None:
                yield Sample(identity(kind, body), value)

    register(Metric(name, "gauge", help_, samples))


def moment(name: str, kind: str, path: str, help_: str, labels: Callable[[Json], Labels] | None = None) -> None:
    """Register a gauge that is the time at a path, in seconds since 1970; `labels` are those of identity at least."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            if found := at(body, path):
                yield Sample(labels(body) if labels else identity(kind, body), unix(str(found)))

    register(Metric(name, "gauge", help_, samples))


def texts(body: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, str]:
    """What stands at each path as the value of a label, empty where nothing does."""
    return {name: str(at(body, path) or "") for name, path in paths.items()}


def described(name: str, kind: str, help_: str, paths: Mapping[str, str]) -> None:
    """Register a gauge that is 1 for every object of a kind and says in labels what stands at some paths."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            yield Sample({**identity(kind, body), **texts(body, paths)}, 1)

    register(Metric(name, "gauge", help_, samples))


def unix(timestamp: str) -> Moment:
    """Seconds since 1970 of an RFC 3339 time."""
    return Moment(datetime.fromisoformat(timestamp).timestamp())


def one_of(labels: Labels, name: str, values: Iterable[str], holds: str | None) -> Iterator[Sample]:
    """A sample for each of `values`, 1 for the one that holds and 0 for the others."""
    for value in values:
        yield Sample({**labels, name: value}, int(value == holds))


def conditions(kind: str, *, reasons: bool = False) -> Samples:
    """Each condition of each object of a kind as three samples, one a status; with `reasons` these say why, too."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            for found in at(body, "status.conditions") or ():
                why = {"reason": str(found.get("reason") or "unknown")} if reasons else {}
                labels = {**identity(kind, body), **why, "condition": found["type"]}
                yield from one_of(labels, "status", ("true", "false", "unknown"), str(found["status"]).lower())

    return samples


def owner(body: Json) -> dict[str, str]:
    """Kind and name of the first owner of an object, and whether it controls it; empty for one that has none."""
    found: Json = next(iter(body["metadata"].get("ownerReferences") or ()), {})
    controls = str(found["controller"]).lower() if "controller" in found else ""
    return {"owner_kind": found.get("kind", ""), "owner_name": found.get("name", ""), "owner_is_controller": controls}


def owners(name: str, kind: str, labels: Callable[[Json], Labels] | None = None) -> None:
    """Register a gauge that is 1 for every object of a kind and says who owns it."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for body in scrape.objects(kind):
            yield Sample({**(labels(body) if labels else identity(kind, body)), **owner(body)}, 1)

    register(Metric(name, "gauge", f"Information about the {kind}'s owner.", samples))


_UNITS: Mapping[str, tuple[str, Callable[[Any], float]]] = {
    "cpu": ("core", lambda amount: quantity.millicores(amount) / 1000),
    "memory": ("byte", lambda amount: int(quantity.amount(amount))),
    "ephemeral-storage": ("byte", lambda amount: int(quantity.amount(amount))),
    "storage": ("byte", lambda amount: int(quantity.amount(amount))),
}


def amounts(labels: Labels, found: Mapping[str, Any] | None) -> Iterator[Sample]:
    """Resources by name, as kube-state-metrics writes them: cores and bytes; others as whole numbers."""
    for name, amount in sorted((found or {}).items()):
        unit, read = _UNITS.get(name, ("integer", lambda amount: int(quantity.amount(amount))))
        yield Sample({**labels, "resource": name.replace("-", "_"), "unit": unit}, read(amount))
