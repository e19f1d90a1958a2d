"""Objects as the API server has them for its clients: with the defaults, addresses and ids no manifest states, by kind.

kubectl dereferences `spec.replicas` and looks owners up by uid, the official Python client refuses objects without the
fields the API reference calls required, and kube-state-metrics dies of an autoscaler without `minReplicas`.
Source: Kubernetes API reference v1.33.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster import nodes
from stratus_sim.cluster.cluster_ip import cluster_ip
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of, without_nulls
from stratus_sim.cluster.workloads import cronjob, job, proposals
from stratus_sim.telemetry.completing_pods import complete_pod, complete_template
from stratus_sim.telemetry.render import REVISION, Json, render

if TYPE_CHECKING:
    from stratus_sim.world import World

KUBELET_VERSION = "v1.33.0"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CHANGE_CAUSE = "kubernetes.io/change-cause"
_ROLLING = {"maxSurge": "25%", "maxUnavailable": "25%"}
_MACHINE = {
    "architecture": "amd64", "containerRuntimeVersion": "containerd://2.0.5", "kernelVersion": "6.1.0-34-amd64",
    "kubeProxyVersion": "", "kubeletVersion": KUBELET_VERSION, "operatingSystem": "linux",
    "osImage": "Debian GNU/Linux 12 (bookworm)",
}  # fmt: skip
"""What a kubelet tells of a machine; no manifest says what it runs on, and nothing here depends on it."""


def completed(world: World, resource: Resource) -> Json:
    """A stored object as the API server returns it. Values of Secrets are redacted."""
    body: Json = without_nulls(render(world, resource))
    kind, metadata = resource.key.kind, body["metadata"]
    if resource.key.namespace:
        metadata["namespace"] = resource.key.namespace
    if kind in _COMPLETE:
        _COMPLETE[kind](world, resource, body)
    return body


def _deployment(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    strategy = body["spec"].setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {**_ROLLING, **(strategy.get("rollingUpdate") or {})}


def _replica_set(world: World, resource: Resource, body: Json) -> None:
    """A Deployment's annotations are on its ReplicaSets too: `rollout undo` takes them from there."""
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    status = body["status"]
    status |= {"observedGeneration": resource.generation, "fullyLabeledReplicas": status["replicas"]}
    owner = world.store.get(resource.owner) if resource.owner else None
    inherited = ((owner.manifest.get("metadata") or {}).get("annotations") or {}) if owner else {}
    kept = {k: v for k, v in inherited.items() if k not in (LAST_APPLIED, _CHANGE_CAUSE, REVISION)}
    if kept:
        body["metadata"]["annotations"] = {**kept, **(body["metadata"].get("annotations") or {})}


def _stateful_set(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    body["spec"].setdefault("serviceName", "")
    body["spec"].setdefault("podManagementPolicy", "OrderedReady")
    body["spec"].setdefault("updateStrategy", {"type": "RollingUpdate"})
    kept = body["spec"].setdefault("persistentVolumeClaimRetentionPolicy", {})
    body["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Retain", "whenScaled": "Retain", **kept}


def _daemon_set(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})


def _job(world: World, resource: Resource, body: Json) -> None:
    spec = body["spec"]
    complete_template(spec["template"])
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", job.back_off_limit(resource))
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if job.waits_for_end(resource) else "TerminatingOrFailed")
    enough = job.completions(resource)
    if enough is not None:
        spec.setdefault("completions", enough)


def _cron_job(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["jobTemplate"]["spec"]["template"])
    body["spec"].setdefault("concurrencyPolicy", "Allow")
    body["spec"].setdefault("suspend", False)
    body["spec"].setdefault("successfulJobsHistoryLimit", cronjob.KEPT["Complete"])
    body["spec"].setdefault("failedJobsHistoryLimit", cronjob.KEPT["Failed"])


def _autoscaler(world: World, resource: Resource, body: Json) -> None:
    """One of autoscaling/v1 names a share of CPU instead of metrics."""
    spec = body["spec"]
    spec.setdefault("minReplicas", 1)
    spec.pop("targetCPUUtilizationPercentage", None)
    if not spec.get("metrics"):
        found = [metric.resource for metric in proposals.metrics_of(resource)]
        spec["metrics"] = [
            {"type": "Resource", "resource": {"name": one.name, "target": {
                "type": one.target.type, "averageUtilization": one.target.average_utilization,
            }}} for one in found if one is not None
        ]  # fmt: skip


def _node(world: World, resource: Resource, body: Json) -> None:
    ids = {name: uuid_of(f"{resource.key} {name}") for name in ("bootID", "systemUUID")}
    machine = {**_MACHINE, **ids, "machineID": uuid_of(f"{resource.key} machineID").replace("-", "")}
    addresses = [("InternalIP", nodes.address(resource)), ("Hostname", resource.key.name)]
    body.setdefault("spec", {})
    body["status"].setdefault("nodeInfo", machine)
    body["status"].setdefault("addresses", [{"type": kind, "address": value} for kind, value in addresses])


def _service(world: World, resource: Resource, body: Json) -> None:
    spec = body.setdefault("spec", {})
    if spec.setdefault("type", "ClusterIP") != "ExternalName":
        spec.setdefault("clusterIP", cluster_ip(resource))
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
    body["status"] = {"loadBalancer": {}}


def _endpoint_slice(world: World, resource: Resource, body: Json) -> None:
    if resource.owner is None:
        return
    body["ports"] = _slice_ports(world, resource)
    for endpoint in body["endpoints"]:
        target = endpoint["targetRef"]
        target["namespace"] = resource.key.namespace
        pod = world.store.get(ObjectKey("Pod", resource.key.namespace, target["name"]))
        endpoint["addresses"] = [pod.status.ip] if pod is not None else []


def _slice_ports(world: World, resource: Resource) -> list[Json]:
    """Ports of a slice under the names the Service gives them: kubectl matches the two by name."""
    service = world.store.get(resource.owner) if resource.owner else None
    leads_to = {port: target for e in resource.status.endpoints for port, target in e.ports.items()}
    ports = (service.spec.ports or ()) if service is not None else ()
    return [
        {"name": port.name or "", "port": leads_to[port.port], "protocol": port.protocol or "TCP"}
        for port in ports
        if port.port in leads_to
    ]


def _defaults(part: str, **fields: str) -> Callable[[World, Resource, Json], None]:
    """Completes a part of an object with fields it does not have, the object itself where `part` is empty."""

    def complete(world: World, resource: Resource, body: Json) -> None:
        found = body.setdefault(part, {}) if part else body
        for name, value in fields.items():
            found.setdefault(name, value)

    return complete


_COMPLETE: Mapping[str, Callable[[World, Resource, Json], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "HorizontalPodAutoscaler": _autoscaler,
    "Pod": complete_pod,
    "Node": _node,
    "Service": _service,
    "EndpointSlice": _endpoint_slice,
    "Secret": _defaults("", type="Opaque"),
    "StorageClass": _defaults("", reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    "PersistentVolume": _defaults("spec", persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem"),
    "PersistentVolumeClaim": _defaults("spec", volumeMode="Filesystem"),
}
"""By kind, what completes an object that is shown."""
