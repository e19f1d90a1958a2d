"""What strict clients insist on and no manifest states: defaults, addresses, ids, by kind.

kubectl dereferences `spec.replicas` and looks owners up by uid; the official Python client refuses objects without the
fields the API reference calls required.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

from stratus_sim.cluster import nodes, taints
from stratus_sim.cluster.cluster_ip import cluster_ip
from stratus_sim.cluster.kubelet.refusals import full_name
from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key
from stratus_sim.cluster.taint_eviction import TOLERATION_US
from stratus_sim.cluster.workloads import job
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import REVISION, Json, plain, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

KUBELET_VERSION = "v1.33.0"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CHANGE_CAUSE = "kubernetes.io/change-cause"
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_NODE_INFO = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
    "machineID", "operatingSystem", "osImage", "systemUUID",
)  # fmt: skip


def complete_template(template: Json) -> Json:
    """A pod template with the defaults that kubectl cannot do without."""
    _complete_pod(template["spec"])
    return template


def _complete_pod(pod: Json) -> None:
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(name):
                _complete_probe(container[name])
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
        resources = container.get("resources") or {}
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def _complete_probe(probe: Json) -> None:
    for name, default in _PROBE.items():
        probe.setdefault(name, default)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")
        probe["httpGet"].setdefault("path", "/")


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


def _pod(world: World, resource: Resource, body: Json) -> None:
    status, found = body["status"], resource.status
    _complete_pod(body["spec"])
    body["spec"].setdefault("priority", 0)
    body["spec"].setdefault("serviceAccountName", "default")
    body["spec"]["tolerations"] = [*(body["spec"].get("tolerations") or ()), *_borne(resource)]
    if resource.deleting:
        body["metadata"]["deletionGracePeriodSeconds"] = grace_us(resource) // SECOND_US
    if found.node:
        host = world.store.get(node_key(found.node))
        status |= {"startTime": timestamp(found.bound_us or resource.created_us)}
        if host is not None:
            status |= {"hostIP": nodes.address(host), "hostIPs": [{"ip": nodes.address(host)}]}
    if found.ip:
        status |= {"podIP": found.ip, "podIPs": [{"ip": found.ip}]}
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        _identify(resource, container)


def _identify(pod: Resource, container: Json) -> None:
    """The ids containerd gives a run and its image: as long as theirs, and the same whoever asks."""
    runs = "waiting" not in container["state"] or "lastState" in container
    last = container["restartCount"] - ("lastState" in container and "waiting" not in container["state"])
    container |= {"imageID": _image_id(container["image"]) if runs else ""}
    for ended, run in ((container["state"], container["restartCount"]), (container.get("lastState", {}), last)):
        if "terminated" in ended:
            ended["terminated"]["containerID"] = _run_id(pod, container, run)
    if runs:
        container["containerID"] = _run_id(pod, container, container["restartCount"])


def _run_id(pod: Resource, container: Json, run: int) -> str:
    name = container["name"]
    return f"containerd://{_digest(f'{pod.key} {pod.uid} {name} {run}')}"


def _image_id(image: str) -> str:
    name = full_name(image)
    path, _, last = name.rpartition("/")
    return name if "@" in name else f"{path}/{last.partition(':')[0]}@sha256:{_digest(name)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=32).hexdigest()


def _borne(pod: Resource) -> list[Json]:
    """What admission (DefaultTolerationSeconds) has a pod bear that says nothing about a node that does not answer."""
    bearable = ({"key": f"node.kubernetes.io/{what}", "effect": "NoExecute"} for what in ("not-ready", "unreachable"))
    seconds = TOLERATION_US // SECOND_US
    return [
        {**taint, "operator": "Exists", "tolerationSeconds": seconds}
        for taint in bearable
        if not taints.tolerating(pod, taint)
    ]


def _node(world: World, resource: Resource, body: Json) -> None:
    known = {"kubeletVersion": KUBELET_VERSION, "operatingSystem": "linux", "architecture": "amd64"}
    addresses = [("InternalIP", nodes.address(resource)), ("Hostname", resource.key.name)]
    body.setdefault("spec", {})
    body["status"].setdefault("nodeInfo", {name: known.get(name, "") for name in _NODE_INFO})
    body["status"].setdefault("addresses", [{"type": kind, "address": value} for kind, value in addresses])


def _service(world: World, resource: Resource, body: Json) -> None:
    spec = body.setdefault("spec", {})
    if spec.setdefault("type", "ClusterIP") != "ExternalName":
        spec.setdefault("clusterIP", cluster_ip(resource))
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
