"""kube-state-metrics about nodes, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/cluster/node-metrics.md (v2.17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_sim.telemetry.metrics.reading import amounts, at, conditions, count, gauge, texts
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_INFO = {
    "kernel_version": "status.nodeInfo.kernelVersion", "os_image": "status.nodeInfo.osImage",
    "container_runtime_version": "status.nodeInfo.containerRuntimeVersion",
    "kubelet_version": "status.nodeInfo.kubeletVersion", "provider_id": "spec.providerID",
    "pod_cidr": "spec.podCIDR", "system_uuid": "status.nodeInfo.systemUUID",
}  # fmt: skip
_ROLE = "node-role.kubernetes.io/"

count("kube_node_spec_unschedulable", "Node", "spec.unschedulable", "Whether a node can schedule new pods.", 0)
conditions("kube_node_status_condition", "Node", "The condition of a cluster node.")


def _info(node: Json) -> Iterator[tuple[Labels, float]]:
    inside = [one["address"] for one in at(node, "status.addresses") or () if one["type"] == "InternalIP"]
    yield {**texts(node, _INFO), "kubeproxy_version": "deprecated", "internal_ip": "".join(inside[-1:])}, 1


def _addresses(node: Json) -> Iterator[tuple[Labels, float]]:
    for one in at(node, "status.addresses") or ():
        yield {"type": one["type"], "address": one["address"]}, 1


def _roles(node: Json) -> Iterator[tuple[Labels, float]]:
    for label in sorted(node["metadata"].get("labels") or ()):
        if label.startswith(_ROLE):
            yield {"role": label.removeprefix(_ROLE)}, 1


def _taints(node: Json) -> Iterator[tuple[Labels, float]]:
    for taint in at(node, "spec.taints") or ():
        yield texts(taint, {"key": "key", "value": "value", "effect": "effect"}), 1


def _capacity(node: Json) -> Iterable[tuple[Labels, float]]:
    return amounts(at(node, "status.capacity"))


def _allocatable(node: Json) -> Iterable[tuple[Labels, float]]:
    return amounts(at(node, "status.allocatable"))


for _name, _help, _read in (
    ("info", "Information about a cluster node.", _info),
    ("status_addresses", "Node address information.", _addresses),
    ("role", "The role of a cluster node.", _roles),
    ("spec_taint", "The taint of a cluster node.", _taints),
    ("status_capacity", "The total amount of resources of a node.", _capacity),
    ("status_allocatable", "The resources of a node that are available for scheduling.", _allocatable),
):
    gauge(f"kube_node_{_name}", "Node", _help, _read)
