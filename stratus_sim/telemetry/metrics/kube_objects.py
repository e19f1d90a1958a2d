"""kube-state-metrics that say of every kind alike when its objects came, and of some what they are.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_sim.cluster.cluster_ip import cluster_ip
from stratus_sim.telemetry.metrics.reading import at, described, identity, moment, one_of, owners, texts
from stratus_sim.telemetry.metrics.table import Labels, Sample, Scrape, metric
from stratus_sim.telemetry.render import Json

_CREATED = (
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "HorizontalPodAutoscaler",
    "PodDisruptionBudget", "Node", "Namespace", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota",
    "ConfigMap", "Secret", "Ingress", "StorageClass", "NetworkPolicy",
)  # fmt: skip
for _kind in _CREATED:
    moment(f"kube_{_kind.lower()}_created", _kind, "metadata.creationTimestamp", "Unix creation timestamp.")

_INFOS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("ConfigMap", {}),
    ("Secret", {}),
    ("Job", {}),
    (
        "CronJob",
        {
            "schedule": "spec.schedule", "concurrency_policy": "spec.concurrencyPolicy",
            "timezone": "spec.timeZone",
        },
    ),
    (
        "HorizontalPodAutoscaler",
        {
            "scaletargetref_api_version": "spec.scaleTargetRef.apiVersion",
            "scaletargetref_kind": "spec.scaleTargetRef.kind",
            "scaletargetref_name": "spec.scaleTargetRef.name",
        },
    ),
    (
        "PersistentVolumeClaim",
        {"storageclass": "spec.storageClassName", "volumename": "spec.volumeName", "volumemode": "spec.volumeMode"},
    ),
    (
        "StorageClass",
        {
            "provisioner": "provisioner", "reclaim_policy": "reclaimPolicy",
            "volume_binding_mode": "volumeBindingMode",
        },
    ),
)  # fmt: skip
for _kind, _paths in _INFOS:
    described(f"kube_{_kind.lower()}_info", _kind, f"Information about a {_kind}.", _paths)
described("kube_secret_type", "Secret", "Type about secret.", {"type": "type"})


def _service(body: Json) -> Labels:
    return {**identity("Service", body), "uid": str(body["metadata"]["uid"])}


moment("kube_service_created", "Service", "metadata.creationTimestamp", "Unix creation timestamp.", _service)


@metric("kube_service_info", "gauge", "Information about service.")
def _services(scrape: Scrape) -> Iterator[Sample]:
    paths = {
        "external_name": "spec.externalName", "external_traffic_policy": "spec.externalTrafficPolicy",
        "load_balancer_ip": "spec.loadBalancerIP",
    }  # fmt: skip
    for found, known in zip(scrape.objects("Service"), scrape.world.store.list("Service"), strict=True):
        address = "" if at(found, "spec.type") == "ExternalName" else cluster_ip(known)
        yield Sample({**_service(found), "cluster_ip": address, **texts(found, paths)}, 1)


@metric("kube_service_spec_type", "gauge", "Type about service.")
def _types(scrape: Scrape) -> Iterator[Sample]:
    for found in scrape.objects("Service"):
        yield Sample({**_service(found), "type": at(found, "spec.type") or "ClusterIP"}, 1)


@metric("kube_namespace_status_phase", "gauge", "kubernetes namespace status phase.")
def _phases(scrape: Scrape) -> Iterator[Sample]:
    for found in scrape.objects("Namespace"):
        phase = "Terminating" if found["metadata"].get("deletionTimestamp") else "Active"
        yield from one_of(identity("Namespace", found), "phase", ("Active", "Terminating"), phase)


for _kind in ("ReplicaSet", "Job"):
    owners(f"kube_{_kind.lower()}_owner", _kind)
