"""Verbs on workloads: size, containers, and the objects kubectl makes for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster.actions.action import Action, InvalidAction
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, key_of
from stratus_sim.manifests.kinds import SERVED

if TYPE_CHECKING:
    from stratus_sim.world import World

SCALABLE = ("Deployment", "ReplicaSet", "StatefulSet")


def with_spec(found: Resource, **changes: Any) -> Manifest:
    """The object's manifest with top-level fields of its spec set."""
    return {**found.manifest, "spec": {**(found.manifest.get("spec") or {}), **changes}}


def _scale(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    replicas = _count("scale", "replicas", arguments["replicas"])
    if found.key.kind not in SCALABLE:
        raise InvalidAction(f"scale: a {found.key.kind} has no replicas to set: expected one of {', '.join(SCALABLE)}")
    return with_spec(found, replicas=replicas)


def _count(verb: str, name: str, value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidAction(f"{verb}: {name} {value!r}: expected a number >= {least}")
    return value


def _container(found: Resource, name: str | None) -> str:
    containers = found.manifest["spec"]["template"]["spec"]["containers"]
    wanted: str = name or containers[0]["name"]
    if wanted not in [c["name"] for c in containers]:
        raise InvalidAction(f"container {wanted!r}: expected one of {[c['name'] for c in containers]}")
    return wanted


def _patch_container(found: Resource, name: str | None, change: Mapping[str, Any]) -> Manifest:
    patch = {"containers": [{"name": _container(found, name), **change}]}
    return strategic_merge(found.manifest, {"spec": {"template": {"spec": patch}}})


def _set_image(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    return _patch_container(found, arguments.get("container"), {"image": str(arguments["image"])})


def _set_env(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    """As kubectl does it: a value takes the place of whatever the variable was, new variables come last."""
    container, given = _container(found, arguments.get("container")), arguments["env"]
    containers = found.manifest["spec"]["template"]["spec"]["containers"]
    there = [one["name"] for c in containers if c["name"] == container for one in c.get("env") or ()]
    names = list(dict.fromkeys((*there, *given)))
    env = [_env_entry(name, given[name]) for name in names if name in given]
    return _patch_container(found, container, {"env": env, "$setElementOrder/env": [{"name": name} for name in names]})


def _env_entry(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {"name": name, "$patch": "delete"}
    return {"name": name, "value": str(value), "valueFrom": None}


def _set_resources(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    sides = {side: dict(arguments[side]) for side in ("limits", "requests") if arguments.get(side)}
    return _patch_container(found, arguments.get("container"), {"resources": sides})


def _set_probes(_world: World, found: Resource, arguments: Mapping[str, Any]) -> Manifest:
    """A probe is replaced as a whole: merged, the old one's handler would stay beside the new one's."""
    probes = {f"{name}Probe": arguments[name] for name in ("liveness", "readiness", "startup") if name in arguments}
    if not probes:
        raise InvalidAction("set-probes: expected at least one of liveness, readiness, startup")
    container = arguments.get("container")
    cleared = _patch_container(found, container, dict.fromkeys(probes))
    patch = {"containers": [{"name": _container(found, container), **probes}]}
    return strategic_merge(cleared, {"spec": {"template": {"spec": patch}}})


def _target(world: World, action: Action) -> Resource:
    found = world.store.get(action.key)
    if found is None:
        raise InvalidAction(f'{action.key.kind} "{action.key.name}" not found in namespace {action.key.namespace!r}')
    return found


def _new(world: World, manifest: Manifest) -> list[tuple[ObjectKey, Manifest | None]]:
    key = key_of(manifest)
    if world.store.get(key) is not None:
        raise InvalidAction(f"{key} already exists")
    return [(key, manifest)]


def _named(action: Action, kind: str) -> dict[str, Any]:
    metadata = {"name": str(action.arguments.get("name") or action.key.name), "namespace": action.key.namespace}
    return {"apiVersion": SERVED[kind], "kind": kind, "metadata": metadata}


def _expose(world: World, action: Action) -> list[tuple[ObjectKey, Manifest | None]]:
    found, port = _target(world, action), _count("expose", "port", action.arguments["port"], 1)
    spec = found.manifest.get("spec") or {}
    selector = spec.get("selector") if found.key.kind == "Service" else (spec.get("selector") or {}).get("matchLabels")
    if not selector:
        raise InvalidAction(f"expose: {found.key} selects no pods by labels alone")
    ports = [{"port": port, "targetPort": action.arguments.get("target_port") or port}]
    return _new(world, {**_named(action, "Service"), "spec": {"selector": dict(selector), "ports": ports}})


def _autoscale(world: World, action: Action) -> list[tuple[ObjectKey, Manifest | None]]:
    found, most = _target(world, action), _count("autoscale", "max", action.arguments["max"], 1)
    if found.key.kind not in SCALABLE:
        raise InvalidAction(f"autoscale: a {found.key.kind} has no replicas: expected one of {', '.join(SCALABLE)}")
    least = _count("autoscale", "min", action.arguments.get("min", 1), 1)
    if least > most:
        raise InvalidAction(f"autoscale: min {least} is above max {most}")
    percent = _count("autoscale", "cpu_percent", action.arguments.get("cpu_percent", 80), 1)
    reference = {"apiVersion": found.manifest["apiVersion"], "kind": found.key.kind, "name": found.key.name}
    target = {"type": "Utilization", "averageUtilization": percent}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = {"scaleTargetRef": reference, "minReplicas": least, "maxReplicas": most, "metrics": metrics}
    return _new(world, {**_named(action, "HorizontalPodAutoscaler"), "spec": spec})


EFFECTS = {
    "scale": _scale,
    "set-image": _set_image,
    "set-env": _set_env,
    "set-resources": _set_resources,
    "set-probes": _set_probes,
}
COMPOSITES = {"expose": _expose, "autoscale": _autoscale}
