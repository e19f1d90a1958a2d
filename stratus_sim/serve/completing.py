"""What strict clients insist on and no manifest states: defaults, addresses, ids, by kind.

kubectl dereferences `spec.replicas` and looks owners up by uid; the official Python client refuses objects without the
fields the API reference calls required.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads import job
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import REVISION, Json, plain, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

KUBELET_VERSION = "v1.33.0-stratus"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CHANGE_CAUSE = "kubernetes.io/change-cause"
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
_NODE_INFO = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
    "machineID", "operatingSystem", "osImage", "systemUUID",
)  # fmt: skip


def uid_of(resource: Resource) -> str:
    """The uid an object is shown with."""
    return f"{resource.uid:08x}"


def complete_template(template: Json) -> Json:
    """A pod template with the defaults that kubectl cannot do without."""
    _complete_pod(template["spec"])
    return template


def _complete_pod(pod: Json) -> None:
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if "grpc" in (container.get(name) or {}):
                container[name]["grpc"].setdefault("service", "")
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _deployment(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    body["spec"].setdefault("strategy", plain(_ROLLING))


def _replica_set(world: World, resource: Resource, body: Json) -> None:
    """A Deployment's annotations are on its ReplicaSets too: `rollout undo` takes them from there."""
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    status = body["status"]
    status |= {"observedGeneration": resource.generation}
    owner = world.store.get(resource.owner) if resource.owner else None
    inherited = ((owner.manifest.get("metadata") or {}).get("annotations") or {}) if owner else {}
    kept = {k: v for k, v in inherited.items() if k not in (LAST_APPLIED, _CHANGE_CAUSE, REVISION)}
    if kept:
        body["metadata"]["annotations"] = {**kept, **(body["metadata"].get("annotations") or {})}


def _stateful_set(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("replicas", 1)
    body["spec"].setdefault("serviceName", "")
    body["spec"].setdefault("updateStrategy", {"type": "RollingUpdate"})


def _daemon_set(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["template"])
    body["spec"].setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})


def _job(world: World, resource: Resource, body: Json) -> None:
    spec = body["spec"]
    complete_template(spec["template"])
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    enough = job.completions(resource)
    if enough is not None:
        spec.setdefault("completions", enough)


def _cron_job(world: World, resource: Resource, body: Json) -> None:
    complete_template(body["spec"]["jobTemplate"]["spec"]["template"])
    body["spec"].setdefault("concurrencyPolicy", "Allow")
    body["spec"].setdefault("suspend", False)


def _pod(world: World, resource: Resource, body: Json) -> None:
    status, found = body["status"], resource.status
    _complete_pod(body["spec"])
    if resource.deleting:
        body["metadata"]["deletionGracePeriodSeconds"] = grace_us(resource) // SECOND_US
    if found.node:
        status |= {"startTime": timestamp(resource.created_us), "hostIP": _node_address(world, found.node)}
    if found.ip:
        status |= {"podIP": found.ip, "podIPs": [{"ip": found.ip}]}
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        container["imageID"] = container["image"]


def _node(world: World, resource: Resource, body: Json) -> None:
    known = {"kubeletVersion": KUBELET_VERSION, "operatingSystem": "linux", "architecture": "amd64"}
    addresses = [("InternalIP", _node_address(world, resource.key.name)), ("Hostname", resource.key.name)]
    body.setdefault("spec", {})
    body["status"].setdefault("nodeInfo", {name: known.get(name, "") for name in _NODE_INFO})
    body["status"].setdefault("addresses", [{"type": kind, "address": value} for kind, value in addresses])


def _node_address(world: World, name: str) -> str:
    """An address of the node's own, in its order among the nodes."""
    names = [node.key.name for node in world.store.list("Node")]
    number = names.index(name) + 1 if name in names else 0
    return f"10.0.{number // 256}.{number % 256}"


def _address(network: str, resource: Resource) -> str:
    """An address for clients to look at: the model connects by name, as its processes do."""
    return f"{network}.{resource.uid // 256 % 256}.{resource.uid % 256}"


def _service(world: World, resource: Resource, body: Json) -> None:
    spec = body.setdefault("spec", {})
    if spec.setdefault("type", "ClusterIP") != "ExternalName":
        spec.setdefault("clusterIP", _address("10.96", resource))
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


COMPLETE: Mapping[str, Callable[[World, Resource, Json], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Pod": _pod,
    "Node": _node,
    "Service": _service,
    "EndpointSlice": _endpoint_slice,
}
"""By kind, what completes an object that is shown."""
