"""kube-state-metrics about the containers of pods, init containers under names of their own.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stratus_sim.telemetry.metrics.kube_pods import labels_of
from stratus_sim.telemetry.metrics.reading import amounts, at, unix
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, Type, register
from stratus_sim.telemetry.render import Json

_FIELDS = {"container": "containers", "init_container": "initContainers"}
"""What a name calls them, and where they stand in a pod's spec; their statuses are under the singular."""


def _info(found: Json) -> dict[str, str]:
    """The image as it was asked for and as it runs; the model's images have no digests."""
    image = str(found.get("image") or "")
    told = {"image_id": "imageID", "container_id": "containerID"}
    return {"image": image, "image_spec": image, **{name: str(found.get(field) or "") for name, field in told.items()}}


def _is(state: str) -> Callable[[Json], int]:
    return lambda found: int(state in found["state"])


def _moment(path: str) -> Callable[[Json], int | None]:
    def read(found: Json) -> int | None:
        told = at(found, path)
        return unix(told) if told else None

    return read


_NUMBERS: tuple[tuple[str, Type, str, Callable[[Json], Any]], ...] = (
    ("status_ready", "gauge", "Whether the container's readiness check succeeded.", lambda c: int(c["ready"])),
    ("status_restarts_total", "counter", "The number of container restarts.", lambda c: int(c["restartCount"])),
    ("status_running", "gauge", "Whether the container is currently in running state.", _is("running")),
    ("status_waiting", "gauge", "Whether the container is currently in waiting state.", _is("waiting")),
    ("status_terminated", "gauge", "Whether the container is currently in terminated state.", _is("terminated")),
    ("state_started", "gauge", "Start time in unix timestamp.", _moment("state.running.startedAt")),
    (
        "status_last_terminated_timestamp", "gauge", "When the container last ended.",
        _moment("lastState.terminated.finishedAt"),
    ),
    (
        "status_last_terminated_exitcode", "gauge", "The exit code of the last termination.",
        lambda c: at(c, "lastState.terminated.exitCode"),
    ),
)  # fmt: skip
_TEXTS: tuple[tuple[str, str, Callable[[Json], dict[str, str]]], ...] = (
    ("info", "Information about a container in a pod.", _info),
    ("status_waiting_reason", "The reason the container waits.", lambda c: _reason(c, "state.waiting.reason")),
    ("status_terminated_reason", "Why it has ended.", lambda c: _reason(c, "state.terminated.reason")),
    ("status_last_terminated_reason", "Why it last ended.", lambda c: _reason(c, "lastState.terminated.reason")),
)


def _reason(found: Json, path: str) -> dict[str, str]:
    reason = at(found, path)
    return {"reason": str(reason)} if reason else {}


def _statuses(scrape: Scrape, which: str) -> Iterator[tuple[dict[str, str], Json]]:
    for pod in scrape.objects("Pod"):
        for found in at(pod, f"status.{_FIELDS[which][:-1]}Statuses") or ():
            yield {**labels_of(pod), "container": str(found["name"])}, found


def _numbers(which: str, read: Callable[[Json], Any]) -> Samples:
    """A number of each container that has it."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, found in _statuses(scrape, which):
            if (value := read(found)) is not None:
                yield Sample(labels, value)

    return samples


def _labelled(which: str, read: Callable[[Json], dict[str, str]]) -> Samples:
    """A sample for each container of which there is something to say; those without have none."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, found in _statuses(scrape, which):
            if about := read(found):
                yield Sample({**labels, **about}, 1)

    return samples


def _resources(which: str, side: str) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for pod in scrape.objects("Pod"):
            for container in pod["spec"].get(_FIELDS[which]) or ():
                labels = {**labels_of(pod), "container": container["name"], "node": at(pod, "spec.nodeName") or ""}
                yield from amounts(labels, at(container, f"resources.{side}"))

    return samples


for _which in _FIELDS:
    for _name, _type, _help, _number in _NUMBERS:
        register(Metric(f"kube_pod_{_which}_{_name}", _type, _help, _numbers(_which, _number)))
    for _name, _help, _text in _TEXTS:
        register(Metric(f"kube_pod_{_which}_{_name}", "gauge", _help, _labelled(_which, _text)))
    for _side in ("requests", "limits"):
        _help = f"The number of {_side[:-1]} requested resource by a container."
        register(Metric(f"kube_pod_{_which}_resource_{_side}", "gauge", _help, _resources(_which, _side)))
