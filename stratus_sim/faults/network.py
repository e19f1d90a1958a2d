"""Faults between pods: a Service that points nowhere, a partition, a lost node, a missing ConfigMap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.application import epochs
from stratus_sim.cluster import nodes
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults.catalogue import Fault, Writes, register
from stratus_sim.faults.servers import pods_under, restart
from stratus_sim.faults.workload import WRONG_PORT, deployments
from stratus_sim.manifests.application import Workload

if TYPE_CHECKING:
    from stratus_sim.world import World

CHAOS_NAMESPACE = "chaos-mesh"


def _called_services(world: World) -> list[ObjectKey]:
    """Services on the path of a user's request, entry points included."""
    called = {call.target_key for call in world.application.calls if call.hard} | set(world.application.entrypoints)
    return [s.key for s in world.store.list("Service") if f"{s.key.namespace}/{s.key.name}" in called and s.spec.ports]


def _wrong_target_port(world: World, target: ObjectKey) -> Writes:
    manifest = world.store.state.objects[target].manifest
    first, *others = manifest["spec"]["ports"]
    spec = {**manifest["spec"], "ports": [{**first, "targetPort": WRONG_PORT}, *others]}
    return [(target, {**manifest, "spec": spec})]


def _refused(world: World, target: ObjectKey) -> bool:
    name, flows = f"{target.namespace}/{target.name}", epochs.current(world)
    errors = [c.error for c in flows.calls if c.call.target_key == name]
    return "connection refused" in errors + [e.error for e in flows.entries if e.service == name]


def _callers(world: World) -> list[ObjectKey]:
    return [key for key in deployments(world) if _callee(world, key) is not None]


def _callee(world: World, caller: ObjectKey) -> Workload | None:
    """The first workload a Deployment cannot do without."""
    for call in world.application.calls_from(f"{caller.namespace}/{caller.name}"):
        for workload in world.application.services.get(call.target_key, ())[:1]:
            if call.hard:
                return world.application.workloads[workload]
    return None


def _partitioned(world: World, target: ObjectKey) -> Writes:
    source, callee = world.application.workloads[f"{target.namespace}/{target.name}"], _callee(world, target)
    spec: Mapping[str, Any] = {
        "action": "partition",
        "mode": "all",
        "direction": "to",
        "selector": _pods_of(source),
        "target": {"mode": "all", "selector": _pods_of(callee) if callee else {}},
    }
    metadata = {"name": f"{target.namespace}-{target.name}-partition", "namespace": CHAOS_NAMESPACE}
    manifest = {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "NetworkChaos",
        "metadata": metadata,
        "spec": spec,
    }
    return [(ObjectKey("NetworkChaos", CHAOS_NAMESPACE, metadata["name"]), manifest)]


def _pods_of(workload: Workload) -> Mapping[str, Any]:
    return {"namespaces": [workload.namespace], "labelSelectors": dict(workload.labels)}


def _times_out(world: World, target: ObjectKey) -> bool:
    source = f"{target.namespace}/{target.name}"
    flows = epochs.current(world).calls
    return any(c.error == "deadline exceeded" for c in flows if c.call.source_key == source)


def _nodes_with_pods(world: World) -> list[ObjectKey]:
    return [node.key for node in world.store.list("Node") if world.store.on_node(node.key.name)]


def _used_config_maps(world: World) -> list[ObjectKey]:
    """ConfigMaps some Deployment's pods cannot start without."""
    return [c.key for c in world.store.list("ConfigMap") if _users(world, c.key)]


def _users(world: World, config_map: ObjectKey) -> list[ObjectKey]:
    found = [world.store.state.objects[key] for key in deployments(world) if key.namespace == config_map.namespace]
    return [d.key for d in found if _needs(d.manifest["spec"]["template"]["spec"], config_map.name)]


def _needs(pod_spec: Mapping[str, Any], name: str) -> bool:
    volumes = [v["configMap"] for v in pod_spec.get("volumes") or () if v.get("configMap")]
    containers = pod_spec["containers"]
    bundles = [b["configMapRef"] for c in containers for b in c.get("envFrom") or () if b.get("configMapRef")]
    sources = [e.get("valueFrom") or {} for c in containers for e in c.get("env") or ()]
    keys = [s["configMapKeyRef"] for s in sources if s.get("configMapKeyRef")]
    return any(ref.get("name") == name and not ref.get("optional") for ref in (*volumes, *bundles, *keys))


def _restart_users(world: World, config_map: ObjectKey) -> None:
    for deployment in _users(world, config_map):
        restart(world, deployment)


def _cannot_start(world: World, config_map: ObjectKey) -> bool:
    waiting = [pod for user in _users(world, config_map) for pod in pods_under(world, user)]
    return any(f'configmap "{config_map.name}" not found' in pod.status.message for pod in waiting)


def _dead(world: World, node: ObjectKey) -> bool:
    found = world.store.get(node)
    return found is not None and not found.status.ready


def _crash(world: World, node: ObjectKey) -> None:
    nodes.crash(world, node.name)


def _revive(world: World, node: ObjectKey) -> None:
    nodes.restore(world, node.name)


register(
    Fault(
        "service-target-port-misconfig", "Service sends to a port nobody listens on", _called_services,
        _refused, _wrong_target_port,
    )
)  # fmt: skip
register(
    Fault(
        "network-partition", "traffic from one service to another is dropped", _callers, _times_out, _partitioned,
    )
)  # fmt: skip
register(
    Fault(
        "kubelet-crash", "a node is lost with all its pods", _nodes_with_pods, _dead, strike=_crash, mend=_revive,
    )
)  # fmt: skip
register(
    Fault(
        "configmap-missing", "a ConfigMap is deleted and its users restart", _used_config_maps, _cannot_start,
        lambda _world, key: [(key, None)], _restart_users,
    )
)  # fmt: skip
