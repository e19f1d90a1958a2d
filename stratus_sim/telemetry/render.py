"""API objects as the API server would return them: plain JSON with metadata and status filled in.

Field names and meanings: Kubernetes API reference v1.33. What the simulator knows beyond that (what a process
listens on, whether a silent kubelet is alive) has no field here and so is never rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.deployment import bounds, wanted
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import (
    DeploymentStatus,
    EndpointsStatus,
    NodeStatus,
    PodStatus,
    ReplicaStatus,
)

if TYPE_CHECKING:
    from stratus_sim.world import World

Json = dict[str, Any]

REDACTED = "<redacted>"
REVISION = "deployment.kubernetes.io/revision"
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_EXIT_CODES = {"OOMKilled": 137, "Error": 1}
_UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}


def timestamp(time_us: int) -> str:
    """RFC 3339 time of an instant given in microseconds since the world began; worlds begin with 2025."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="seconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A copy made of dicts and lists only, which its reader may change without changing anything else."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def render(world: World, resource: Resource) -> Json:
    """One object: manifest, server-side metadata, status. Values of Secrets are redacted."""
    body: Json = plain(resource.manifest)
    body["metadata"] = {**(body.get("metadata") or {}), **_metadata(world, resource)}
    if resource.key.kind == "Secret":
        return _redacted(body)
    renderer = _RENDERERS.get(type(resource.status))
    if renderer is not None:
        renderer(body, resource)
    return body


def _metadata(world: World, resource: Resource) -> Json:
    found: Json = {
        "uid": f"{resource.uid:08x}",
        "resourceVersion": str(resource.version),
        "generation": resource.generation,
        "creationTimestamp": timestamp(resource.created_us),
    }
    if resource.owner is not None:
        found["ownerReferences"] = [_owner_reference(world, resource.owner)]
    if resource.deleting:
        found["deletionTimestamp"] = timestamp(world.now_us)
    return found


def _owner_reference(world: World, owner: ObjectKey) -> Json:
    found = world.store.get(owner)
    version = str(found.manifest.get("apiVersion", "")) if found is not None else ""
    return {"apiVersion": version, "kind": owner.kind, "name": owner.name, "controller": True}


def _redacted(secret: Json) -> Json:
    """Keys stay visible, values do not; annotations go, because kubectl keeps the applied manifest in one."""
    for field in ("data", "stringData"):
        if field in secret:
            secret[field] = dict.fromkeys(secret[field] or {}, REDACTED)
    secret["metadata"].pop("annotations", None)
    return secret


def _deployment(body: Json, resource: Resource) -> None:
    status: DeploymentStatus = resource.status
    replicas = wanted(resource)
    _annotate(body, status.revision)
    body["status"] = {
        "observedGeneration": status.observed,
        "replicas": status.replicas,
        "updatedReplicas": status.updated,
        "readyReplicas": status.ready,
        "availableReplicas": status.ready,
        "unavailableReplicas": max(0, replicas - status.ready),
        "conditions": [_available(status, replicas - bounds(resource)[1])],
    }


def _available(status: DeploymentStatus, minimum: int) -> Json:
    holds = status.ready >= minimum
    reason = "MinimumReplicasAvailable" if holds else "MinimumReplicasUnavailable"
    return _condition("Available", holds, status.since_us, reason)


def _replicas(body: Json, resource: Resource) -> None:
    status: ReplicaStatus = resource.status
    if status.revision:
        _annotate(body, status.revision)
    body["status"] = {"replicas": status.replicas, "readyReplicas": status.ready}


def _annotate(body: Json, revision: int) -> None:
    annotations = body["metadata"].get("annotations") or {}
    body["metadata"]["annotations"] = {**annotations, REVISION: str(revision)}


def _pod(body: Json, resource: Resource) -> None:
    status: PodStatus = resource.status
    if status.node:
        body["spec"]["nodeName"] = status.node
    containers = body["spec"]["containers"]
    body["status"] = {"phase": status.phase, "conditions": _pod_conditions(status)}
    if status.node:
        body["status"]["containerStatuses"] = [_container_status(c, status) for c in containers]


def _pod_conditions(status: PodStatus) -> list[Json]:
    scheduled = _condition("PodScheduled", bool(status.node), status.since_us)
    if not status.node and status.reason:
        scheduled |= {"reason": status.reason, "message": status.message}
    reason = "" if status.ready else "ContainersNotReady"
    return [scheduled, _condition("Ready", status.ready, status.since_us, reason)]


def _container_status(container: Json, status: PodStatus) -> Json:
    found: Json = {
        "name": container["name"],
        "image": container.get("image", ""),
        "ready": status.ready,
        "restartCount": status.restarts,
        "state": _container_state(status),
    }
    if status.last_termination:
        found["lastState"] = {"terminated": _termination(status.last_termination)}
    return found


def _container_state(status: PodStatus) -> Json:
    if status.reason or status.phase == "Pending":
        return {"waiting": {"reason": status.reason or "ContainerCreating", "message": status.message}}
    return {"running": {}}


def _termination(reason: str) -> Json:
    return {"reason": reason, "exitCode": _EXIT_CODES.get(reason, 1)}


def _node(body: Json, resource: Resource) -> None:
    status: NodeStatus = resource.status
    ready = _condition("Ready", status.ready, status.since_us, "KubeletReady")
    if not status.ready:
        ready |= {
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
        }
        body["spec"] = {**(body.get("spec") or {}), "taints": [_UNREACHABLE.copy()]}
    room = {"cpu": f"{status.capacity_millicores}m", "memory": f"{status.capacity_mib}Mi"}
    declared = body.get("status") or {}
    body["status"] = {"capacity": room, **declared, "allocatable": room, "conditions": [ready]}


def _endpoints(body: Json, resource: Resource) -> None:
    status: EndpointsStatus = resource.status
    ports = sorted({port for endpoint in status.endpoints for port in endpoint.ports.values()})
    body["addressType"] = "IPv4"
    body["ports"] = [{"port": port} for port in ports]
    body["endpoints"] = [
        {"conditions": {"ready": True}, "nodeName": e.node, "targetRef": {"kind": "Pod", "name": e.pod}}
        for e in status.endpoints
    ]


def _condition(kind: str, holds: bool, since_us: int, reason: str = "") -> Json:
    found = {"type": kind, "status": str(holds), "lastTransitionTime": timestamp(since_us)}
    return {**found, "reason": reason} if reason else found


_RENDERERS: Mapping[type, Callable[[Json, Resource], None]] = {
    DeploymentStatus: _deployment,
    ReplicaStatus: _replicas,
    PodStatus: _pod,
    NodeStatus: _node,
    EndpointsStatus: _endpoints,
}
