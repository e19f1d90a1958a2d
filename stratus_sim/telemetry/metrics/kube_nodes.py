"""kube-state-metrics about nodes and storage, from the objects as the API server shows them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/cluster and docs/metrics/storage.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.telemetry.metrics.reading import amounts, at, conditions, count, identity, one_of, texts
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, metric, register

count("kube_node_spec_unschedulable", "Node", "spec.unschedulable", "Whether a node can schedule new pods.", 0)
register(Metric("kube_node_status_condition", "gauge", "The condition of a cluster node.", conditions("Node")))


@metric("kube_node_spec_taint", "gauge", "The taint of a cluster node.")
def _taints(scrape: Scrape) -> Iterator[Sample]:
    for node in scrape.objects("Node"):
        for taint in at(node, "spec.taints") or ():
            shown = {"key": taint["key"], "value": taint.get("value") or "", "effect": taint["effect"]}
            yield Sample({**identity("Node", node), **shown}, 1)


def _room(side: str) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for node in scrape.objects("Node"):
            yield from amounts(identity("Node", node), at(node, f"status.{side}"))

    return samples


for _side, _what in (("capacity", "total amount of"), ("allocatable", "resources for scheduling of")):
    register(Metric(f"kube_node_status_{_side}", "gauge", f"The {_what} a node.", _room(_side)))


def _phases(kind: str, phases: tuple[str, ...]) -> Samples:
    def samples(scrape: Scrape) -> Iterator[Sample]:
        for found in scrape.objects(kind):
            yield from one_of(identity(kind, found), "phase", phases, at(found, "status.phase"))

    return samples


for _kind, _phase_names in (
    ("PersistentVolumeClaim", ("Lost", "Bound", "Pending")),
    ("PersistentVolume", ("Pending", "Available", "Bound", "Released", "Failed")),
):
    _name, _help = f"kube_{_kind.lower()}_status_phase", "The phase the volume or claim is currently in."
    register(Metric(_name, "gauge", _help, _phases(_kind, _phase_names)))


@metric("kube_persistentvolumeclaim_resource_requests_storage_bytes", "gauge", "The capacity of storage requested.")
def _sizes(scrape: Scrape) -> Iterator[Sample]:
    for claim in scrape.objects("PersistentVolumeClaim"):
        for sample in amounts({}, at(claim, "spec.resources.requests")):
            yield Sample(identity("PersistentVolumeClaim", claim), sample.value)


@metric("kube_persistentvolume_capacity_bytes", "gauge", "Persistentvolume capacity in bytes.")
def _capacities(scrape: Scrape) -> Iterator[Sample]:
    for volume in scrape.objects("PersistentVolume"):
        for sample in amounts({}, at(volume, "spec.capacity")):
            yield Sample(identity("PersistentVolume", volume), sample.value)


@metric("kube_persistentvolume_claim_ref", "gauge", "Information about the Persistent Volume Claim Reference.")
def _bound(scrape: Scrape) -> Iterator[Sample]:
    for volume in scrape.objects("PersistentVolume"):
        if at(volume, "spec.claimRef"):
            paths = {"claim_namespace": "spec.claimRef.namespace", "name": "spec.claimRef.name"}
            yield Sample({**identity("PersistentVolume", volume), **texts(volume, paths)}, 1)
