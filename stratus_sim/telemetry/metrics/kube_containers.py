"""kube-state-metrics about the containers of pods, init containers under names of their own.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md (v2.17, which
says of init containers neither when they ran nor how they ended).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stratus_sim.telemetry.metrics.reading import amounts, at, each, texts, unix
from stratus_sim.telemetry.metrics.table import Labels, Metric, Type, register
from stratus_sim.telemetry.render import Json

_FIELDS = {"container": "containers", "init_container": "initContainers"}
"""What a name calls them, and where they stand in a pod's spec; their statuses are under the singular."""
_RUNNING = {"image": "image", "image_id": "imageID", "container_id": "containerID"}


def _is(state: str) -> Callable[[Json], int]:
    return lambda found: int(state in found["state"])


def _moment(*paths: str) -> Callable[[Json], int | None]:
    """The time at the first path where there is one."""

    def read(found: Json) -> int | None:
        told = next(filter(None, (at(found, path) for path in paths)), None)
        return unix(told) if told else None

    return read


_NUMBERS: tuple[tuple[str, Type, str, Callable[[Json], Any]], ...] = (
    ("status_ready", "gauge", "Whether the container's readiness check succeeded.", lambda c: int(c["ready"])),
    ("status_restarts_total", "counter", "The number of container restarts.", lambda c: int(c["restartCount"])),
    ("status_running", "gauge", "Whether the container is currently in running state.", _is("running")),
    ("status_waiting", "gauge", "Whether the container is currently in waiting state.", _is("waiting")),
    ("status_terminated", "gauge", "Whether the container is currently in terminated state.", _is("terminated")),
)
_TIMES: tuple[tuple[str, Type, str, Callable[[Json], Any]], ...] = (
    (
        "state_started", "gauge", "Start time in unix timestamp of a container that runs or has ended.",
        _moment("state.running.startedAt", "state.terminated.startedAt"),
    ),
    (
        "status_last_terminated_timestamp", "gauge", "When the container last ended.",
        _moment("lastState.terminated.finishedAt"),
    ),
    (
        "status_last_terminated_exitcode", "gauge", "The exit code of the last termination.",
        lambda c: at(c, "lastState.terminated.exitCode"),
    ),
)  # fmt: skip
_REASONS = (
    ("status_waiting_reason", "The reason the container waits.", "state.waiting.reason"),
    ("status_terminated_reason", "Why it has ended.", "state.terminated.reason"),
    ("status_last_terminated_reason", "Why it last ended.", "lastState.terminated.reason"),
)


def _statuses(pod: Json, which: str) -> Iterator[Json]:
    yield from at(pod, f"status.{_FIELDS[which][:-1]}Statuses") or ()


def _number(which: str, read: Callable[[Json], Any]) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """A number of each container that has it."""

    def samples(pod: Json) -> Iterator[tuple[Labels, float]]:
        for found in _statuses(pod, which):
            if (value := read(found)) is not None:
                yield {"container": found["name"]}, value

    return samples


def _reason(which: str, path: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """Why, for each container of which that is known; the others have no sample."""

    def samples(pod: Json) -> Iterator[tuple[Labels, float]]:
        for found in _statuses(pod, which):
            if reason := at(found, path):
                yield {"container": found["name"], "reason": str(reason)}, 1

    return samples


def _info(which: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """The image as it was asked for and as it runs; of an init container also whether it stays."""

    def samples(pod: Json) -> Iterator[tuple[Labels, float]]:
        asked = {one["name"]: one for one in pod["spec"].get(_FIELDS[which]) or ()}
        for found in _statuses(pod, which):
            spec = asked[found["name"]]
            stays = {"restart_policy": str(spec.get("restartPolicy") or "")} if which == "init_container" else {}
            image = str(spec.get("image") or "")
            yield {"container": found["name"], "image_spec": image, **texts(found, _RUNNING), **stays}, 1

    return samples


def _resources(which: str, side: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    def samples(pod: Json) -> Iterator[tuple[Labels, float]]:
        for container in pod["spec"].get(_FIELDS[which]) or ():
            for labels, amount in amounts(at(container, f"resources.{side}")):
                yield {"container": container["name"], "node": str(at(pod, "spec.nodeName") or ""), **labels}, amount

    return samples


for _which in _FIELDS:
    for _name, _type, _help, _read in _NUMBERS if _which == "init_container" else (*_NUMBERS, *_TIMES):
        register(Metric(f"kube_pod_{_which}_{_name}", _type, _help, each("Pod", _number(_which, _read))))
    for _name, _help, _path in _REASONS:
        register(Metric(f"kube_pod_{_which}_{_name}", "gauge", _help, each("Pod", _reason(_which, _path))))
    _help = "Information about a container in a pod."
    register(Metric(f"kube_pod_{_which}_info", "gauge", _help, each("Pod", _info(_which))))
    for _side in ("requests", "limits"):
        _help = f"The number of {_side[:-1]} requested resource by a container."
        register(Metric(f"kube_pod_{_which}_resource_{_side}", "gauge", _help, each("Pod", _resources(_which, _side))))
