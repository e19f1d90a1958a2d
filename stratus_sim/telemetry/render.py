"""API objects as the API server would return them: plain JSON with metadata and status filled in.

Field names and meanings: Kubernetes API reference v1.33. What the simulator knows beyond that (what a process
listens on, whether a silent kubelet is alive) has no field here and so is never rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import api_access, ingress
from stratus_sim.cluster.admission import refusal
from stratus_sim.cluster.admission.amounts import shown
from stratus_sim.cluster.admission.quota import QuotaStatus
from stratus_sim.cluster.eviction import disruption
from stratus_sim.cluster.job_status import CronJobStatus, JobStatus
from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, uuid_of
from stratus_sim.cluster.reading import once
from stratus_sim.cluster.status import EndpointsStatus, PodStatus
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.telemetry import render_jobs, render_namespaces, render_nodes, render_pods, render_storage
from stratus_sim.telemetry.render_workloads import REVISION, WORKLOADS, Json, condition, timestamp

if TYPE_CHECKING:
    from stratus_sim.world import World

__all__ = ["REDACTED", "REVISION", "Json", "plain", "render", "timestamp"]

REDACTED = "<redacted>"


def plain(value: Any) -> Any:
    """A copy made of dicts and lists only, which its reader may change without changing anything else."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def render(world: World, resource: Resource) -> Json:
    """One object: manifest, server-side metadata, status. Values of Secrets are redacted."""
    body: Json = msgspec.json.decode(_written(world, resource))
    body["metadata"] = {**(body.get("metadata") or {}), **_metadata(world, resource)}
    if resource.key.kind == "Secret":
        return _redacted(body)
    renderer = _RENDERERS.get(type(resource.status))
    if renderer is not None:
        renderer(body, resource)
    if resource.key.kind in _OF_WORLD:
        _OF_WORLD[resource.key.kind](world, body, resource)
    return body


def _written(world: World, resource: Resource) -> bytes:
    """A manifest as JSON: decoding it is the quickest copy there is. A pod is shown with its way to the API server."""
    if resource.key.kind == "Pod":
        return _with_access(resource.manifest, api_access.volume(world, resource))
    return _encoded(resource.manifest)


@once
def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.encode(plain(manifest))


@once
def _with_access(pod: Manifest, volume: str) -> bytes:
    return msgspec.json.encode(plain(api_access.mounted(pod, volume)))


def _metadata(world: World, resource: Resource) -> Json:
    found: Json = {
        "uid": uuid_of(resource.uid),
        "resourceVersion": str(resource.version),
        "generation": resource.generation,
        "creationTimestamp": timestamp(resource.created_us),
    }
    if resource.owner is not None:
        found["ownerReferences"] = [_owner_reference(world, resource.owner)]
    if resource.deleting:
        grace = grace_us(resource) if resource.key.kind == "Pod" else 0
        found["deletionTimestamp"] = timestamp(resource.deleted_us + grace)
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
    reason = "SyncFailed" if found.problem else "SufficientPods" if found.allowed else "InsufficientPods"
    allowed = condition("DisruptionAllowed", found.allowed > 0, resource.created_us, reason)
    body["status"] = {
        "observedGeneration": resource.generation, "expectedPods": found.expected, "desiredHealthy": found.desired,
        "currentHealthy": found.healthy, "disruptionsAllowed": found.allowed,
        "conditions": [{**allowed, "message": found.problem}],
    }  # fmt: skip


def _ingress(world: World, body: Json, resource: Resource) -> None:
    """The controller publishes where it listens on every Ingress it heeds."""
    heeded = ingress.served(world, resource)
    body["status"] = {"loadBalancer": {"ingress": [{"ip": ingress.ADDRESS}]} if heeded else {}}


def _refused(world: World, body: Json, resource: Resource) -> None:
    """Why the API server lets no pod of a ReplicaSet in; a Deployment passes on what its sets are told."""
    sets = [resource] if resource.key.kind == "ReplicaSet" else world.store.owned(resource.key)
    short = [found.key for found in sets if world.store.standing(found.key)[0] < wanted(found)]
    told = next((told for key in short if (told := refusal.failure(world, ("replicaset", key))) is not None), None)
    if told is not None:
        found = condition("ReplicaFailure", True, told.since_us, refusal.FAILED)
        body["status"]["conditions"] = [*body["status"].get("conditions", ()), {**found, "message": told.told}]


def _nominated(world: World, body: Json, resource: Resource) -> None:
    """The node on which others make room for a pod that waits."""
    name = world.cluster.scheduling.nominated.get(resource.key) if not resource.status.node else None
    if name is not None:
        body["status"]["nominatedNodeName"] = name


_OF_WORLD: Mapping[str, Callable[[World, Json, Resource], None]] = {
    "Pod": _nominated,
    "Deployment": _refused,
    "ReplicaSet": _refused,
    "PodDisruptionBudget": _budget,
    "Ingress": _ingress,
    "Node": render_nodes.node,
    "Namespace": render_namespaces.namespace,
    "PersistentVolumeClaim": render_storage.claim,
    "PersistentVolume": render_storage.volume,
}


def _endpoints(body: Json, resource: Resource) -> None:
    if resource.owner is None:
        return  # somebody keeps it by hand
    status: EndpointsStatus = resource.status
    ports = sorted({port for endpoint in status.endpoints for port in endpoint.ports.values()})
    body["addressType"] = "IPv4"
    body["ports"] = [{"port": port} for port in ports]
    body["endpoints"] = [
        {
            "conditions": {"ready": e.ready, "serving": e.serving, "terminating": e.terminating},
            "nodeName": e.node,
            "targetRef": {"kind": "Pod", "name": e.pod},
        }
        for e in status.endpoints
    ]


def _quota(body: Json, resource: Resource) -> None:
    status: QuotaStatus = resource.status
    parts = {"hard": status.hard, "used": status.used}
    body["status"] = {part: {name: shown(name, n) for name, n in found.items()} for part, found in parts.items()}


_RENDERERS: Mapping[type, Callable[[Json, Resource], None]] = {
    **WORKLOADS,
    JobStatus: render_jobs.job,
    CronJobStatus: render_jobs.cron_job,
    PodStatus: render_pods.pod,
    EndpointsStatus: _endpoints,
    QuotaStatus: _quota,
}
