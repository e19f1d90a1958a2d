"""Pods and their templates with what no manifest states: defaults, addresses, ids of runs and images.

Source: Kubernetes API reference v1.33, "PodSpec" and "PodStatus"; DefaultTolerationSeconds of
kubernetes.io/docs/reference/access-authn-authz/admission-controllers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import nodes, taints
from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.taint_eviction import TOLERATION_US
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import Json, timestamp
from stratus_sim.telemetry.run_ids import image_id, run_id

if TYPE_CHECKING:
    from stratus_sim.world import World

_POD = {"restartPolicy": "Always", "schedulerName": "default-scheduler"}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def complete_template(template: Json) -> Json:
    """A pod template with the defaults that kubectl cannot do without."""
    _complete_pod(template["spec"])
    return template


def _complete_pod(pod: Json) -> None:
    for name, default in _POD.items():
        pod.setdefault(name, default)
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


def complete_pod(world: World, resource: Resource, body: Json) -> None:
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
    container |= {"imageID": image_id(container["image"]) if runs else ""}
    for ended, run in ((container["state"], container["restartCount"]), (container.get("lastState", {}), last)):
        if "terminated" in ended:
            ended["terminated"]["containerID"] = f"containerd://{run_id(pod, container['name'], run)}"
    if runs:
        container["containerID"] = f"containerd://{run_id(pod, container['name'], container['restartCount'])}"


def _borne(pod: Resource) -> list[Json]:
    """What admission (DefaultTolerationSeconds) has a pod bear that says nothing about a node that does not answer."""
    bearable = ({"key": f"node.kubernetes.io/{what}", "effect": "NoExecute"} for what in ("not-ready", "unreachable"))
    seconds = TOLERATION_US // SECOND_US
    return [
        {**taint, "operator": "Exists", "tolerationSeconds": seconds}
        for taint in bearable
        if not taints.tolerating(pod, taint)
    ]
