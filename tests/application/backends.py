"""Small applications with real back ends: an `api` that users call, and what stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_sim.application import epochs
from stratus_sim.application.flow import CallFlow
from stratus_sim.cluster import api as server
from stratus_sim.cluster.actions import Action, effects
from stratus_sim.cluster.kubelet.duty import run_of
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import Topology
from stratus_sim.world import World

Object = Mapping[str, Any]
NAMESPACE = "default"


def workload(
    name: str,
    image: str,
    port: int,
    env: Mapping[str, Any] | None = None,
    *,
    args: list[str] | None = None,
    data: tuple[str, Mapping[str, Any]] | None = None,
    annotations: Mapping[str, str] | None = None,
    replicas: int = 1,
    **pod: Any,
) -> Object:
    """A Deployment; a value of `env` is a text or a `valueFrom`; `data` is a mount path and its volume."""
    variables = [
        {"name": n, "value": v} if isinstance(v, str) else {"name": n, "valueFrom": v} for n, v in (env or {}).items()
    ]
    container: dict[str, Any] = {
        "name": name, "image": image, "ports": [{"containerPort": port}], "env": variables,
        "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}},
    }  # fmt: skip
    if args:
        container["args"] = args
    if data is not None:
        container["volumeMounts"] = [{"name": "data", "mountPath": data[0]}]
        pod = {"volumes": [{"name": "data", **data[1]}], **pod}
    metadata = {"labels": {"app": name}, **({"annotations": dict(annotations)} if annotations else {})}
    template = {"metadata": metadata, "spec": {"containers": [container], **pod}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    }  # fmt: skip


def service(name: str, port: int, *, public: bool = False) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"port": port}], **({"type": "LoadBalancer"} if public else {})}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    }  # fmt: skip


def front(env: Mapping[str, Any], **more: Any) -> tuple[Object, ...]:
    """The `api` that users call, with this environment."""
    return workload("api", "registry.example/api:1", 8080, env, **more), service("api", 8080, public=True)


def behind(name: str, image: str, port: int, env: Mapping[str, Any] | None = None, **more: Any) -> tuple[Object, ...]:
    return workload(name, image, port, env, **more), service(name, port)


def secret(name: str, **values: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def config_map(name: str, **values: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": values}


def from_secret(name: str, key: str) -> Object:
    return {"secretKeyRef": {"name": name, "key": key}}


def claim(name: str) -> tuple[Object, ...]:
    """A claim and a volume it binds to."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    volume = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": f"/mnt/{name}"}}
    metadata = {"name": name, "namespace": NAMESPACE}
    return (
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
    )


def on_claim(path: str, name: str) -> tuple[str, Object]:
    return path, {"persistentVolumeClaim": {"claimName": name}}


def stand(*objects: Object, topology: Topology | None = None) -> World:
    """The application after three minutes."""
    manifests = Manifests(objects)
    return deploy(manifests, describe(manifests, topology), 1)


def key(name: str, kind: str = "Deployment") -> ObjectKey:
    return ObjectKey(kind, NAMESPACE, name)


def call(world: World, source: str, target: str) -> CallFlow:
    found = epochs.current(world).calls
    return next(flow for flow in found if (flow.call.source, flow.call.target) == (source, target))


def act(
    world: World,
    verb: str,
    target: str,
    arguments: Mapping[str, Any] | None = None,
    wait_s: int = 60,
    namespace: str = NAMESPACE,
) -> None:
    """What an agent does, and the time it takes to show."""
    for write in effects(world, Action(verb, target, arguments or {}, namespace)):
        assert write.after is not None
        server.put(world, write.after, "agent")
    world.run_for(wait_s * SECOND_US)


def pod_of(world: World, name: str) -> Resource:
    return next(p for p in world.store.list("Pod") if p.key.name.startswith(f"{name}-") and not p.deleting)


def crash(world: World, name: str) -> None:
    """The container of a pod ends by itself; the pod stays."""
    world.schedule(0, "kubelet.exited", run_of(pod_of(world, name), 0), "Error", 1)


def users(world: World) -> int:
    """How many of a thousand requests of users succeed."""
    return epochs.current(world).entries[0].success_permille
