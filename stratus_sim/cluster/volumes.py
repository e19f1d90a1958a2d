"""ConfigMaps, Secrets and claims a pod needs before it can start, looked up in the cluster as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import nodes, root_ca
from stratus_sim.cluster.objects import ObjectKey, Resource, node_key, uuid_of
from stratus_sim.cluster.reading import once
from stratus_sim.manifests import expand

if TYPE_CHECKING:
    from stratus_sim.world import World


_OF_HOST = ("status.hostIP", "status.hostIPs")


def missing_mounts(world: World, pod: Resource) -> str:
    """What kubelet would say about the first volume it cannot mount; empty when all are there."""
    namespace = pod.key.namespace
    for volume in pod.manifest["spec"].get("volumes") or ():
        for missing in expand.missing_mounts({"volumes": [volume]}, namespace, lookup(world)):
            return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {_unmountable(missing)}'
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim and world.store.get(ObjectKey("PersistentVolumeClaim", namespace, claim)) is None:
            return f'persistentvolumeclaim "{claim}" not found'
    return ""


def _unmountable(missing: expand.Missing) -> str:
    if missing.key is None:
        return missing.message
    if missing.kind == "Secret":
        return f"references non-existent secret key: {missing.key}"
    return f"configmap references non-existent config key: {missing.key}"


def environments(world: World, pod: Resource) -> tuple[Mapping[str, Mapping[str, str]], str]:
    """The environment of each container by name, and what kubelet would say is missing."""
    found: dict[str, Mapping[str, str]] = {}
    for container in pod.manifest["spec"]["containers"]:
        found[container["name"]], problem = environment(world, pod, container)
        if problem:
            return found, problem
    return found, ""


def environment(world: World, pod: Resource, container: Mapping[str, Any]) -> tuple[Mapping[str, str], str]:
    """The environment of a container, given as written, and what kubelet would say is missing."""
    if not container.get("env") and not container.get("envFrom"):
        return {}, ""
    meta = _about(pod)
    if _asks_of_host(container):
        meta |= _host(world, pod)
    found, problems = expand.resolve_env(container, meta, lookup(world))
    return found, problems[0].message if problems else ""


def _about(pod: Resource) -> dict[str, Any]:
    return {
        "name": pod.key.name,
        "namespace": pod.key.namespace,
        "labels": pod.labels,
        "annotations": (pod.manifest.get("metadata") or {}).get("annotations"),
        "nodeName": pod.status.node,
        "podIP": pod.status.ip,
        "podIPs": pod.status.ip,
        "uid": uuid_of(pod.uid),
        "serviceAccountName": pod.manifest["spec"].get("serviceAccountName") or "default",
    }


@once
def _asks_of_host(container: Mapping[str, Any]) -> bool:
    """Whether a variable stands for the address of the node, or for an amount that may be what the node has."""
    origins = [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
    paths = {(origin.get("fieldRef") or {}).get("fieldPath") for origin in origins}
    return not paths.isdisjoint(_OF_HOST) or any(origin.get("resourceFieldRef") for origin in origins)


def _host(world: World, pod: Resource) -> dict[str, Any]:
    node = world.store.get(node_key(pod.status.node))
    if node is None:
        return {}
    return {"hostIP": nodes.address(node), "hostIPs": nodes.address(node), "allocatable": nodes.allocatable(node)}


def lookup(world: World) -> expand.Lookup:
    """Finds an object's manifest by kind, namespace and name."""

    def find(kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        found = root_ca.find(world, ObjectKey(kind, namespace, name))
        return found.manifest if found is not None else None

    return find
