"""Small applications by their call graph: `mesh("a>b", "b>c")` is three Deployments of one pod each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.status import Strain
from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.manifests.topology import DeclaredCall, Profile, Topology
from stratus_sim.world import World

PORT = 80
_QUICK = Profile(latency_us=1000, cpu_us_per_request=10)


def mesh(
    *calls: str,
    soft: Iterable[str] = (),
    entrypoints: Iterable[str] = ("a",),
    replicas: int = 1,
    profile: Profile = _QUICK,
    extra: Iterable[Mapping[str, Any]] = (),
    **declared_traffic: Any,
) -> World:
    """A world in which every named workload stands behind a Service of its name; `a>b` is a call of b by a.

    `declared_traffic` are the fields `requests`, `load` and `policies` of a topology, and may name `profiles` of some.
    """
    declared = (*(_call(call, hard=True) for call in calls), *(_call(call, hard=False) for call in soft))
    names = sorted({end for call in declared for end in (call.source, call.target)} | {*entrypoints})
    profiles = dict.fromkeys(names, profile) | declared_traffic.pop("profiles", {})
    topology = Topology(calls=declared, entrypoints=tuple(entrypoints), profiles=profiles, **declared_traffic)
    objects = [item for name in names for item in (deployment(name, replicas), service(name))]
    manifests = Manifests((*objects, *extra))
    return deploy(manifests, describe(manifests, topology), 1)


def _call(text: str, *, hard: bool) -> DeclaredCall:
    source, target = text.split(">")
    return DeclaredCall(source, target, PORT, hard)


def deployment(name: str, replicas: int | None = 1, kind: str = "Deployment", **pod: Any) -> dict[str, Any]:
    """One container of 100m CPU that listens on port 80; `pod` are further fields of the pod spec."""
    resources = {"limits": {"cpu": "100m"}}
    container = {"name": name, "image": f"{name}:1", "ports": [{"containerPort": PORT}], "resources": resources}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **pod}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": "default"}
    sized = spec if replicas is None else {"replicas": replicas, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": sized}


def service(name: str, selects: Mapping[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    spec = {"selector": selects or {"app": name}, "ports": [{"port": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def key(name: str, kind: str = "Deployment") -> ObjectKey:
    return ObjectKey(kind, "default", name)


def scale(world: World, name: str, replicas: int, kind: str = "Deployment") -> None:
    manifest = world.store.state.objects[key(name, kind)].manifest
    api.put(world, {**manifest, "spec": {**manifest["spec"], "replicas": replicas}}, "test")


def node_of(world: World, name: str) -> str:
    """The node of the first pod of a workload."""
    return next(p.status.node for p in world.store.list("Pod") if p.key.name.startswith(f"{name}-"))


def strain(world: World, node: str, stolen_permille: int) -> None:
    """Others take so much of a node's CPUs from now on."""
    found = world.store.get(ObjectKey("Node", "", node))
    world.store.report(found.key, replace(found.status, strain=Strain(stolen_permille)))
