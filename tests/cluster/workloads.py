"""Small worlds for the controllers of workloads: manifests in, pods out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.world import World

Spec = Mapping[str, Any]


def node(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def template(app: str = "w", command: str = "serve", **spec: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    container = {"name": "c", "image": "w:1", "command": ["sh", "-c", command], "resources": requests}
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **spec}}


def workload(kind: str, name: str = "w", version: str = "apps/v1", **spec: Any) -> dict[str, Any]:
    selector = {"selector": {"matchLabels": {"app": name}}} if version == "apps/v1" else {}
    body = {**selector, "template": template(name), **spec}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": body}


def job(name: str = "w", command: str = "sleep 3", policy: str = "Never", **spec: Any) -> dict[str, Any]:
    return workload("Job", name, "batch/v1", template=template(name, command, restartPolicy=policy), **spec)


def cluster(*objects: Spec, nodes: int = 3, seed: int = 1, seconds: int = 0) -> World:
    """A world with nodes `n0`, `n1`, ... and these objects, `seconds` after they were applied."""
    manifests = Manifests((*(node(f"n{i}") for i in range(nodes)), *objects))
    world = World.empty(describe(manifests), seed)
    for manifest in manifests.objects:
        api.put(world, manifest, "user")
    world.run_for(seconds * SECOND_US)
    return world


def key(kind: str, name: str = "w") -> ObjectKey:
    return ObjectKey(kind, "" if kind == "Node" else "default", name)


def get(world: World, kind: str, name: str = "w") -> Resource:
    found = world.store.get(key(kind, name))
    assert found is not None
    return found


def change(world: World, kind: str, name: str = "w", **spec: Any) -> None:
    """Replace fields of an object's spec; None removes one."""
    found = get(world, kind, name).manifest
    merged = {k: v for k, v in {**found["spec"], **spec}.items() if v is not None}
    api.put(world, {**found, "spec": merged}, "user")


def retemplate(world: World, kind: str, number: int, name: str = "w", **spec: Any) -> None:
    """Give a workload another template."""
    old = get(world, kind, name).manifest["spec"]["template"]
    metadata = {**old["metadata"], "annotations": {"round": str(number)}}
    change(world, kind, name, template={**old, "metadata": metadata, "spec": {**old["spec"], **spec}})


def members(world: World, kind: str, name: str = "w") -> list[Resource]:
    """The active pods of a workload in order of name."""
    owned = world.store.owned(key(kind, name))
    sets = [pod for found in owned if found.key.kind == "ReplicaSet" for pod in world.store.owned(found.key)]
    return [pod for pod in (*owned, *sets) if pod.key.kind == "Pod" and pods.active(pod)]


def ready(world: World, kind: str, name: str = "w") -> int:
    return sum(pod.status.ready for pod in members(world, kind, name))


def available(world: World, kind: str, wait_s: int, name: str = "w") -> list[Resource]:
    """The active pods that have been ready for so long."""
    found = [pod for pod in members(world, kind, name) if pod.status.ready]
    return [pod for pod in found if world.now_us - pod.status.since_us >= wait_s * SECOND_US]


def settled(world: World, seconds: int) -> Iterator[World]:
    """Every instant of the next seconds at which controllers have had their say, and the end."""
    end_us = world.now_us + seconds * SECOND_US
    while world.kernel.queued or any(timer.due_us <= end_us for timer in world.kernel.timers.values()):
        world.step()
        if not world.kernel.queued:
            yield world
    world.run_until(end_us)
    yield world


def reasons(world: World, kind: str, name: str = "w") -> list[str]:
    """Why events about an object were emitted, in order of their first time."""
    found = [e for e in world.cluster.events.values() if e.involved == key(kind, name)]
    return [e.reason for e in sorted(found, key=lambda e: (e.first_us, e.reason))]
