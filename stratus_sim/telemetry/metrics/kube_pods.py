"""kube-state-metrics about pods: where they are and how they fare.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md (v2.17, the
release for Kubernetes 1.33).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from stratus_sim.telemetry.metrics.reading import at, gauge, moment, one_of, owner, owners, statuses, texts, unix
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_CLASSES = ("BestEffort", "Burstable", "Guaranteed")
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError")
_INFO = {
    "host_ip": "status.hostIP", "pod_ip": "status.podIP", "node": "spec.nodeName",
    "priority_class": "spec.priorityClassName",
}  # fmt: skip


def _info(pod: Json) -> Iterator[tuple[Labels, float]]:
    first = owner(pod)[0]
    made_by = {"created_by_kind": first["owner_kind"], "created_by_name": first["owner_name"]}
    yield {**texts(pod, _INFO), **made_by, "host_network": str(bool(at(pod, "spec.hostNetwork"))).lower()}, 1


def _addresses(pod: Json) -> Iterator[tuple[Labels, float]]:
    for one in at(pod, "status.podIPs") or ():
        yield {"ip": one["ip"], "ip_family": str(ip_address(one["ip"]).version)}, 1


gauge("kube_pod_info", "Pod", "Information about pod.", _info)
gauge("kube_pod_ips", "Pod", "Pod IP addresses.", _addresses)
owners("kube_pod_owner", "Pod")
moment("kube_pod_start_time", "Pod", "status.startTime", "Start time in unix timestamp for a pod.")


def _completed(pod: Json) -> Iterator[tuple[Labels, float]]:
    """When the last of its containers that have ended did."""
    ended = [at(one, "state.terminated.finishedAt") for one in at(pod, "status.containerStatuses") or ()]
    if latest := max(filter(None, ended), default=None):
        yield {}, unix(latest)


gauge("kube_pod_completion_time", "Pod", "Completion time in unix timestamp for a pod.", _completed)


def _phase(pod: Json) -> Iterable[tuple[Labels, float]]:
    return one_of("phase", _PHASES, at(pod, "status.phase"))


def _quality(pod: Json) -> Iterable[tuple[Labels, float]]:
    return one_of("qos_class", _CLASSES, at(pod, "status.qosClass"))


def _reasons(pod: Json) -> Iterator[tuple[Labels, float]]:
    """The reasons given of the pod as a whole, of its conditions, and of the end of its containers."""
    given = {at(pod, "status.reason"), *(found.get("reason") for found in at(pod, "status.conditions") or ())}
    given |= {at(one, "state.terminated.reason") for one in at(pod, "status.containerStatuses") or ()}
    for reason in _REASONS:
        yield {"reason": reason}, int(reason in given)


gauge("kube_pod_status_phase", "Pod", "The pods current phase.", _phase)
gauge("kube_pod_status_qos_class", "Pod", "The pods current qosClass.", _quality)
gauge("kube_pod_status_reason", "Pod", "The pod status reasons.", _reasons)


def _conditions(pod: Json, kind: str) -> list[Json]:
    return [found for found in at(pod, "status.conditions") or () if found["type"] == kind]


def _holds(kind: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    def read(pod: Json) -> Iterator[tuple[Labels, float]]:
        for found in _conditions(pod, kind):
            yield from statuses("condition", found)

    return read


gauge("kube_pod_status_ready", "Pod", "Describes whether the pod is ready to serve requests.", _holds("Ready"))
gauge("kube_pod_status_scheduled", "Pod", "Whether the pod has been given a node.", _holds("PodScheduled"))


def _unscheduled(pod: Json) -> Iterator[tuple[Labels, float]]:
    for found in _conditions(pod, "PodScheduled"):
        if found["status"] == "False":
            yield {}, 1


gauge("kube_pod_status_unschedulable", "Pod", "Describes the unschedulable status for the pod.", _unscheduled)


def _since(kind: str, status: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """Since when a condition has a status, in seconds since 1970."""

    def read(pod: Json) -> Iterator[tuple[Labels, float]]:
        for found in _conditions(pod, kind):
            if found["status"] == status and found.get("lastTransitionTime"):
                yield {}, unix(found["lastTransitionTime"])

    return read


for _name, _kind, _status in (
    ("scheduled", "PodScheduled", "True"),
    ("unscheduled", "PodScheduled", "False"),
    ("initialized", "Initialized", "True"),
    ("ready", "Ready", "True"),
    ("container_ready", "ContainersReady", "True"),
):
    _help = f"Unix time since when the condition {_kind} of a pod is {_status}."
    gauge(f"kube_pod_status_{_name}_time", "Pod", _help, _since(_kind, _status))
