"""kube-state-metrics about pods, from the objects as the API server shows them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload/pod-metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster import nodes
from stratus_sim.cluster.objects import node_key
from stratus_sim.telemetry.metrics.reading import at, identity, moment, one_of, owner, owners, texts, unix
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, metric, register
from stratus_sim.telemetry.render import Json, timestamp

_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_INFO = {"node": "spec.nodeName", "priority_class": "spec.priorityClassName"}
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
    for pod, known in zip(scrape.objects("Pod"), scrape.world.store.list("Pod"), strict=True):
        made_by, host = owner(pod), scrape.world.store.get(node_key(known.status.node))
        about = {"created_by_kind": made_by["owner_kind"], "created_by_name": made_by["owner_name"]}
        where = {"host_ip": nodes.address(host) if host is not None else "", "pod_ip": known.status.ip}
        yield Sample({**labels_of(pod), **where, **texts(pod, _INFO), **about, "host_network": _host_network(pod)}, 1)


def _host_network(pod: Json) -> str:
    return str(bool(at(pod, "spec.hostNetwork"))).lower()


owners("kube_pod_owner", "Pod", labels_of)
moment("kube_pod_created", "Pod", "metadata.creationTimestamp", "Unix creation timestamp.", labels_of)
moment("kube_pod_deletion_timestamp", "Pod", "metadata.deletionTimestamp", "Unix deletion timestamp.", labels_of)


@metric("kube_pod_start_time", "gauge", "Start time in unix timestamp for a pod.")
def _begun(scrape: Scrape) -> Iterator[Sample]:
    """When the kubelet took it."""
    for pod, known in zip(scrape.objects("Pod"), scrape.world.store.list("Pod"), strict=True):
        if known.status.node:
            yield Sample(labels_of(pod), unix(timestamp(known.status.bound_us or known.created_us)))


@metric("kube_pod_status_phase", "gauge", "The pods current phase.")
def _phase(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        yield from one_of(labels_of(pod), "phase", _PHASES, at(pod, "status.phase"))


@metric("kube_pod_status_ready", "gauge", "Describes whether the pod is ready to serve requests.")
def _ready(scrape: Scrape) -> Iterator[Sample]:
    return _conditions(scrape, "Ready")


@metric("kube_pod_status_scheduled", "gauge", "Describes the status of the scheduling process for the pod.")
def _scheduled(scrape: Scrape) -> Iterator[Sample]:
    return _conditions(scrape, "PodScheduled")


def _conditions(scrape: Scrape, kind: str) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        if (status := condition(pod, kind)) is not None:
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


@metric("kube_pod_restart_policy", "gauge", "Describes the restart policy in use by this pod.")
def _restart_policy(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        yield Sample({**labels_of(pod), "type": at(pod, "spec.restartPolicy") or "Always"}, 1)


@metric("kube_pod_service_account", "gauge", "The service account for a pod.")
def _account(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        yield Sample({**labels_of(pod), **texts(pod, {"service_account": "spec.serviceAccountName"})}, 1)


@metric("kube_pod_status_qos_class", "gauge", "The pods current qosClass.")
def _qos_class(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        classes = ("BestEffort", "Burstable", "Guaranteed")
        yield from one_of(labels_of(pod), "qos_class", classes, at(pod, "status.qosClass"))


def _since(kind: str) -> Samples:
    """When a condition that holds began to, in seconds since 1970."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for pod in scrape.objects("Pod"):
            for found in at(pod, "status.conditions") or ():
                if found["type"] == kind and found["status"] == "True" and found.get("lastTransitionTime"):
                    yield Sample(labels_of(pod), unix(found["lastTransitionTime"]))

    return samples


for _name, _kind in (
    ("scheduled", "PodScheduled"),
    ("initialized", "Initialized"),
    ("ready", "Ready"),
    ("container_ready", "ContainersReady"),
):
    _help = f"Unix time since when the condition {_kind} of a pod holds."
    register(Metric(f"kube_pod_status_{_name}_time", "gauge", _help, _since(_kind)))


@metric("kube_pod_spec_volumes_persistentvolumeclaims_info", "gauge", "Persistent volume claim volumes in a pod.")
def _claims(scrape: Scrape) -> Iterator[Sample]:
    for pod in scrape.objects("Pod"):
        for volume in at(pod, "spec.volumes") or ():
            if claim := at(volume, "persistentVolumeClaim.claimName"):
                about = {"volume": str(volume["name"]), "persistentvolumeclaim": str(claim), "ephemeral": "false"}
                yield Sample({**labels_of(pod), **about}, 1)
