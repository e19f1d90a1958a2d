"""Objects as this server returns them: rendered as everywhere here, completed to what strict clients insist on.

kubectl dereferences `spec.replicas`, looks owners up by uid and decodes Secrets; the official Python client refuses
objects without the fields the API reference calls required.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.events import EventRecord
from stratus_sim.cluster.lifecycle import grace_us
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.workloads import job
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.kinds import SERVED
from stratus_sim.serve.calendar import Calendar
from stratus_sim.serve.kinds import Kind
from stratus_sim.telemetry.render import REDACTED, REVISION, Json, plain, render, timestamp
from stratus_sim.telemetry.reporters import component

if TYPE_CHECKING:
    from stratus_sim.world import World

KUBELET_VERSION = "v1.33.0-stratus"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CHANGE_CAUSE = "kubernetes.io/change-cause"
_NODE_INFO = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
    "machineID", "operatingSystem", "osImage", "systemUUID",
)  # fmt: skip
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}


Rows = list[Json]
Events = list[EventRecord]


class View:
    """A world as the API shows it now. Values of Secrets are redacted unless `show_secrets`."""

    def __init__(self, world: World, calendar: Calendar | None = None, *, show_secrets: bool = False) -> None:
        self.world = world
        self.calendar = calendar or Calendar(world)
        self.show_secrets = show_secrets

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """One object, None when there is none."""
        if kind.name == "Event" and kind.built_in:
            return next((e for e in self.list(kind, namespace) if e["metadata"]["name"] == name), None)
        found = self.world.store.get(ObjectKey(kind.name, namespace, name))
        if found is not None:
            return under(kind, self.show(found))
        return self._bare_namespace(name) if kind.name == "Namespace" and name in self._namespaces() else None

    def list(self, kind: Kind, namespace: str | None = None) -> Rows:
        """The objects of a kind in order of namespace and name; Events in order of time."""
        if kind.name == "Event" and kind.built_in:
            return [self.show_event(e) for e in self.events() if namespace in (None, _home(e))]
        shown = [under(kind, self.show(item)) for item in self.world.store.list(kind.name, namespace)]
        if kind.name != "Namespace":
            return shown
        missing = self._namespaces() - {item["metadata"]["name"] for item in shown}
        shown += [self._bare_namespace(name) for name in missing]
        return sorted(shown, key=lambda item: str(item["metadata"]["name"]))

    def show(self, resource: Resource) -> Json:
        """One stored object."""
        body: Json = without_nulls(render(self.world, resource))
        kind, metadata = resource.key.kind, body["metadata"]
        body["apiVersion"] = SERVED.get(kind, body["apiVersion"])
        if resource.key.namespace:
            metadata["namespace"] = resource.key.namespace
        if resource.owner is not None:
            self._own(metadata, resource.owner)
        if kind == "Secret":
            self._secret(body, resource)
        elif kind in _COMPLETE:
            _COMPLETE[kind](self.world, resource, body)
        return self._dated(resource, body)

    def fork(self) -> View:
        """The same view of a fork of the world."""
        return View(self.world.fork(), self.calendar, show_secrets=self.show_secrets)

    def events(self) -> Events:
        """What happened, oldest first."""
        found = self.world.cluster.events.values()
        return sorted(found, key=lambda e: (e.last_us, e.first_us, e.involved, e.reason, e.message))

    def show_event(self, event: EventRecord) -> Json:
        """An Event as core/v1 has it; its name follows from what it says."""
        about, found = event.involved, self.world.store.get(event.involved)
        involved = {"kind": about.kind, "name": about.name, "apiVersion": SERVED.get(about.kind, "v1")}
        if about.namespace:
            involved["namespace"] = about.namespace
        if found is not None:
            involved["uid"] = _uid(found)
        key = event_key(event)
        metadata = {
            "name": key.name, "namespace": key.namespace, "uid": key.name.rpartition(".")[2],
            "resourceVersion": str(self.world.store.state.version), "creationTimestamp": timestamp(event.first_us),
        }  # fmt: skip
        metadata, dated = self.calendar.date({"metadata": metadata})["metadata"], self.calendar.dated
        return {
            "kind": "Event", "apiVersion": "v1", "metadata": metadata, "involvedObject": involved,
            "type": event.type, "reason": event.reason, "message": event.message, "count": event.count,
            "firstTimestamp": dated(timestamp(event.first_us)), "lastTimestamp": dated(timestamp(event.last_us)),
            "source": {"component": component(event)}, "reportingComponent": component(event),
            "reportingInstance": "",
        }  # fmt: skip

    def _dated(self, resource: Resource, body: Json) -> Json:
        """The status of an object no controller here has a status for is a user's, and stays."""
        if resource.status is None:
            return {**body, **self.calendar.date({"metadata": body["metadata"]})}
        return self.calendar.date(body)

    def _own(self, metadata: Json, owner: ObjectKey) -> None:
        found = self.world.store.get(owner)
        for reference in metadata["ownerReferences"]:
            reference |= {"uid": _uid(found) if found is not None else "", "blockOwnerDeletion": True}

    def _secret(self, body: Json, secret: Resource) -> None:
        values = secret_data(secret.manifest)
        body.pop("stringData", None)
        if values:
            body["data"] = dict(values) if self.show_secrets else dict.fromkeys(values, _encoded(REDACTED))
        noted = plain((secret.manifest.get("metadata") or {}).get("annotations") or {})
        shown = {k: v for k, v in noted.items() if self.show_secrets or k != _LAST_APPLIED}
        if shown:
            body["metadata"]["annotations"] = shown

    def _namespaces(self) -> set[str]:
        """Namespaces that are there because something is in them, as manifests need not declare theirs."""
        return {"default"} | {key.namespace for key in self.world.store.state.objects if key.namespace}

    def _bare_namespace(self, name: str) -> Json:
        metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "resourceVersion": "1"}
        metadata |= {"uid": f"ns-{name}", "creationTimestamp": self.calendar.dated(timestamp(0))}
        return {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata, "status": {"phase": "Active"}}


def under(kind: Kind, body: Json) -> Json:
    """The object under the version it was asked for."""
    return body if body["apiVersion"] == kind.api_version else {**body, "apiVersion": kind.api_version}


def event_key(event: EventRecord) -> ObjectKey:
    """The identity an Event is served under."""
    mark = blake2b(f"{event.involved}|{event.reason}|{event.message}".encode(), digest_size=8).hexdigest()
    return ObjectKey("Event", _home(event), f"{event.involved.name}.{mark}")


def secret_data(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """The values of a Secret in base64; `stringData` wins, as on the API server."""
    texts = {k: _encoded(str(v)) for k, v in (manifest.get("stringData") or {}).items() if v is not None}
    return {**{k: str(v) for k, v in (manifest.get("data") or {}).items() if v is not None}, **texts}


def without_nulls(value: Any) -> Any:
    """JSON without the fields that are null, which the API server takes for absent."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _home(event: EventRecord) -> str:
    return event.involved.namespace or "default"


def _uid(resource: Resource) -> str:
    return f"{resource.uid:08x}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


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
    kept = {k: v for k, v in inherited.items() if k not in (_LAST_APPLIED, _CHANGE_CAUSE, REVISION)}
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
        status |= {"podIP": _address("10.128", resource), "podIPs": [{"ip": _address("10.128", resource)}]}
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


def _namespace(world: World, resource: Resource, body: Json) -> None:
    body["status"] = {"phase": "Active"}


def _endpoint_slice(world: World, resource: Resource, body: Json) -> None:
    if resource.owner is None:
        return
    body["ports"] = _slice_ports(world, resource)
    for endpoint in body["endpoints"]:
        target = endpoint["targetRef"]
        target["namespace"] = resource.key.namespace
        pod = world.store.get(ObjectKey("Pod", resource.key.namespace, target["name"]))
        endpoint["addresses"] = [_address("10.128", pod)] if pod is not None else []


def _slice_ports(world: World, resource: Resource) -> Rows:
    """Ports of a slice under the names the Service gives them: kubectl matches the two by name."""
    service = world.store.get(resource.owner) if resource.owner else None
    leads_to = {port: target for e in resource.status.endpoints for port, target in e.ports.items()}
    ports = (service.spec.ports or ()) if service is not None else ()
    return [
        {"name": port.name or "", "port": leads_to[port.port], "protocol": port.protocol or "TCP"}
        for port in ports
        if port.port in leads_to
    ]


_COMPLETE: Mapping[str, Callable[[World, Resource, Json], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Pod": _pod,
    "Node": _node,
    "Service": _service,
    "Namespace": _namespace,
    "EndpointSlice": _endpoint_slice,
}
