"""API objects as the API server would return them: plain JSON with metadata and status filled in.

Field names and meanings: Kubernetes API reference v1.33. What the simulator knows beyond that (what a process
listens on, whether a silent kubelet is alive) has no field here and so is never rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import ingress
from stratus_sim.cluster.admission.amounts import shown
from stratus_sim.cluster.admission.quota import QuotaStatus
from stratus_sim.cluster.eviction import disruption
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.reading import once
from stratus_sim.cluster.status import ClaimStatus, EndpointsStatus, NodeStatus, PodStatus, VolumeStatus
from stratus_sim.cluster.taints import PRESSURE
from stratus_sim.telemetry import render_pods
from stratus_sim.telemetry.render_workloads import REVISION, WORKLOADS, Json, condition, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

__all__ = ["REDACTED", "REVISION", "Json", "plain", "render", "timestamp"]

REDACTED = "<redacted>"
_UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}


def plain(value: Any) -> Any:
    """A copy made of dicts and lists only, which its reader may change without changing anything else."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def render(world: World, resource: Resource) -> Json:
    """One object: manifest, server-side metadata, status. Values of Secrets are redacted."""
    body: Json = msgspec.json.decode(_encoded(resource.manifest))
    body["metadata"] = {**(body.get("metadata") or {}), **_metadata(world, resource)}
    if resource.key.kind == "Secret":
        return _redacted(body)
    if resource.key.kind in _OF_WORLD:
        _OF_WORLD[resource.key.kind](world, body, resource)
    renderer = _RENDERERS.get(type(resource.status))
    if renderer is not None:
        renderer(body, resource)
    return body


@once
def _encoded(manifest: Manifest) -> bytes:
    """A manifest as JSON: decoding it is the quickest copy there is."""
    return msgspec.json.encode(plain(manifest))


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


def _budget(world: World, body: Json, resource: Resource) -> None:
    found = disruption(world, resource)
    body["status"] = {
        "observedGeneration": resource.generation, "expectedPods": found.expected, "desiredHealthy": found.desired,
        "currentHealthy": found.healthy, "disruptionsAllowed": found.allowed,
    }  # fmt: skip


def _ingress(world: World, body: Json, resource: Resource) -> None:
    """The controller publishes where it listens on every Ingress it heeds."""
    heeded = ingress.served(world, resource)
    body["status"] = {"loadBalancer": {"ingress": [{"ip": ingress.ADDRESS}]} if heeded else {}}


_OF_WORLD: Mapping[str, Callable[[World, Json, Resource], None]] = {
    "PodDisruptionBudget": _budget,
    "Ingress": _ingress,
}


def _node(body: Json, resource: Resource) -> None:
    status: NodeStatus = resource.status
    ready = condition("Ready", status.ready, status.since_us, "KubeletReady")
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
    for word in sorted(status.pressure):
        body["status"]["conditions"].append(condition(f"{word}Pressure", True, status.pressure[word]))
        body.setdefault("spec", {}).setdefault("taints", []).append({**PRESSURE[word]})


def _endpoints(body: Json, resource: Resource) -> None:
    status: EndpointsStatus = resource.status
    ports = sorted({port for endpoint in status.endpoints for port in endpoint.ports.values()})
    body["addressType"] = "IPv4"
    body["ports"] = [{"port": port} for port in ports]
    body["endpoints"] = [
        {"conditions": {"ready": True}, "nodeName": e.node, "targetRef": {"kind": "Pod", "name": e.pod}}
        for e in status.endpoints
    ]


def _quota(body: Json, resource: Resource) -> None:
    status: QuotaStatus = resource.status
    parts = {"hard": status.hard, "used": status.used}
    body["status"] = {part: {name: shown(name, n) for name, n in found.items()} for part, found in parts.items()}


def _storage(body: Json, resource: Resource) -> None:
    status: ClaimStatus | VolumeStatus = resource.status
    body["status"] = {"phase": status.phase}


_RENDERERS: Mapping[type, Callable[[Json, Resource], None]] = {
    **WORKLOADS,
    PodStatus: render_pods.pod,
    NodeStatus: _node,
    EndpointsStatus: _endpoints,
    QuotaStatus: _quota,
    ClaimStatus: _storage,
    VolumeStatus: _storage,
}
