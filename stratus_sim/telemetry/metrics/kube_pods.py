"""kube-state-metrics about pods and their containers, from the objects as the API server shows them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.telemetry.metrics.reading import amounts, at, identity, moment, one_of, unix
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, metric, register
from stratus_sim.telemetry.render import Json

_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError")


def labels_of(pod: Json) -> dict[str, str]:
    """Namespace, name and uid of a pod."""
    return {**identity("Pod", pod), "uid": str(pod["metadata"]["uid"])}


def condition(pod: Json, kind: str) -> str | None:
    """The status of a condition in lower case, None for one the pod does not have."""
    found = next((c for c in at(pod, "status.conditions") or () if c["type"] == kind), None)
    return None if found is None else str(found["status"]).lower()


@metric("kube_pod_info", "gauge", "Information about pod.")
def _info(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        owner = _owner(pod)
        about = {"created_by_kind": owner["kind"], "created_by_name": owner["name"]}
        yield Sample({**labels_of(pod), "node": at(pod, "spec.nodeName") or "", **about}, 1)


@metric("kube_pod_owner", "gauge", "Information about the Pod's owner.")
def _owners(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        owner = _owner(pod)
        about = {"owner_kind": owner["kind"], "owner_name": owner["name"]}
        yield Sample({**labels_of(pod), **about, "owner_is_controller": owner["controller"]}, 1)


def _owner(pod: Json) -> dict[str, str]:
    found: Json = next(iter(pod["metadata"].get("ownerReferences") or ()), {})
    controls = str(found["controller"]).lower() if "controller" in found else ""
    return {"kind": found.get("kind", ""), "name": found.get("name", ""), "controller": controls}


moment("kube_pod_created", "Pod", "metadata.creationTimestamp", "Unix creation timestamp.")
moment("kube_pod_deletion_timestamp", "Pod", "metadata.deletionTimestamp", "Unix deletion timestamp.")


@metric("kube_pod_status_phase", "gauge", "The pods current phase.")
def _phase(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        yield from one_of(labels_of(pod), "phase", _PHASES, at(pod, "status.phase"))


@metric("kube_pod_status_ready", "gauge", "Describes whether the pod is ready to serve requests.")
def _ready(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        if (status := condition(pod, "Ready")) is not None:
            yield from one_of(labels_of(pod), "condition", ("true", "false", "unknown"), status)


@metric("kube_pod_status_scheduled", "gauge", "Describes the status of the scheduling process for the pod.")
def _scheduled(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        if (status := condition(pod, "PodScheduled")) is not None:
            yield from one_of(labels_of(pod), "condition", ("true", "false", "unknown"), status)


@metric("kube_pod_status_unschedulable", "gauge", "Describes the unschedulable status for the pod.")
def _unschedulable(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        if any(c.get("reason") == "Unschedulable" for c in at(pod, "status.conditions") or ()):
            yield Sample(labels_of(pod), 1)


@metric("kube_pod_status_reason", "gauge", "The pod status reasons")
def _reason(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        yield from one_of(labels_of(pod), "reason", _REASONS, at(pod, "status.reason"))


def _containers(scrape: Scrape, statuses: str = "containerStatuses") -> Iterator[tuple[dict[str, str], Json]]:
    for pod in scrape.objects("Pod"):
        for found in at(pod, f"status.{statuses}") or ():
            yield {**labels_of(pod), "container": str(found["name"])}, found


@metric("kube_pod_container_info", "gauge", "Information about a container in a pod.")
def _container_info(scrape: Scrape) -> Iterator[Sample]:
    for labels, found in _containers(scrape):
        yield Sample({**labels, "image": str(found.get("image") or "")}, 1)


@metric("kube_pod_container_status_ready", "gauge", "Describes whether the containers readiness check succeeded.")
def _container_ready(scrape: Scrape) -> Iterator[Sample]:
    for labels, found in _containers(scrape):
        yield Sample(labels, int(found["ready"]))


@metric("kube_pod_container_status_restarts_total", "counter", "The number of container restarts per container.")
def _restarts(scrape: Scrape) -> Iterator[Sample]:
    for labels, found in _containers(scrape):
        yield Sample(labels, int(found["restartCount"]))


def _state(name: str) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, found in _containers(scrape):
            yield Sample(labels, int(name in found["state"]))

    return samples


def _why(path: str, statuses: str = "containerStatuses") -> Samples:
    """One sample for each container that has a reason at the path; those without have no sample."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, found in _containers(scrape, statuses):
            if reason := at(found, path):
                yield Sample({**labels, "reason": str(reason)}, 1)

    return samples


for _name in ("running", "waiting", "terminated"):
    _help = f"Describes whether the container is currently in {_name} state."
    register(Metric(f"kube_pod_container_status_{_name}", "gauge", _help, _state(_name)))
for _name, _path, _help in (
    ("waiting_reason", "state.waiting.reason", "Describes the reason the container is currently in waiting state."),
    ("terminated_reason", "state.terminated.reason", "Describes the reason the container is in terminated state."),
    ("last_terminated_reason", "lastState.terminated.reason", "Describes the last reason of the terminated state."),
):
    register(Metric(f"kube_pod_container_status_{_name}", "gauge", _help, _why(_path)))
    _init_help = _help.replace("container", "init container")
    _init = _why(_path, "initContainerStatuses")
    register(Metric(f"kube_pod_init_container_status_{_name}", "gauge", _init_help, _init))


@metric("kube_pod_container_status_last_terminated_exitcode", "gauge", "The exit code of the last termination.")
def _exit_code(scrape: Scrape) -> Iterator[Sample]:
    for labels, found in _containers(scrape):
        if (code := at(found, "lastState.terminated.exitCode")) is not None:
            yield Sample(labels, int(code))


@metric("kube_pod_container_state_started", "gauge", "Start time in unix timestamp for a pod container.")
def _started(scrape: Scrape) -> Iterator[Sample]:
    for labels, found in _containers(scrape):
        if started := at(found, "state.running.startedAt"):
            yield Sample(labels, unix(started))


def _resources(side: str) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for pod in scrape.objects("Pod"):
            for container in pod["spec"]["containers"]:
                labels = {**labels_of(pod), "container": container["name"], "node": at(pod, "spec.nodeName") or ""}
                yield from amounts(labels, at(container, f"resources.{side}"))

    return samples


for _name in ("requests", "limits"):
    _help = f"The number of {_name[:-1]} requested resource by a container."
    register(Metric(f"kube_pod_container_resource_{_name}", "gauge", _help, _resources(_name)))
