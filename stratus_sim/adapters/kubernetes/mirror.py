"""The live objects as a world that stands still: what the simulator's rules read off the cluster as it is now.

No time passes in it. Effects of actions, side conditions and missing replicas are read from it, so the rules about
them are written once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from stratus_sim.adapters.kubernetes.live import REVISION, Json, condition, configured, live_key, owner_of
from stratus_sim.cluster.nodes import initial_status
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.specs import read_spec, requested_mib, requested_millicores, weighed
from stratus_sim.cluster.status import (
    ENDED,
    DeploymentStatus,
    NodeStatus,
    Phase,
    PodStatus,
    ReplicaStatus,
    StatefulSetStatus,
    Status,
)
from stratus_sim.cluster.workloads.templates import unlabelled
from stratus_sim.manifests.application import Application
from stratus_sim.world import World

_MIRRORED = ("Node", "ConfigMap", "Secret", "PersistentVolumeClaim")
_WEIGHED = ("weighed millicores", "weighed mib")


def mirror(objects: Iterable[Json], application: Application) -> World:
    """A world that holds these objects with the status they report.

    Raises:
        UserError: an object is not what the API reference says.
    """
    found = sorted(objects, key=_rank)
    world, used = World.empty(application), _requests(found)
    newest = _newest_sets(found)
    for item in found:
        status = _status(item, used, newest)
        resource = world.store.create(_manifest(item), owner=_owner_key(item), status=status)
        if item["metadata"].get("deletionTimestamp"):
            world.store.mark_deleting(resource.key)
    return world


def _rank(item: Json) -> tuple[int, ObjectKey]:
    """Nodes come before what runs on them."""
    kind = item["kind"]
    return (_MIRRORED.index(kind) if kind in _MIRRORED else len(_MIRRORED)), live_key(item)


def _manifest(item: Json) -> Json:
    """A ReplicaSet's template as its Deployment wrote it, without the label the controller adds."""
    manifest = configured(item)
    if item["kind"] != "ReplicaSet":
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "template": unlabelled(manifest["spec"]["template"])}}


def _owner_key(item: Json) -> ObjectKey | None:
    owner = owner_of(item)
    return ObjectKey(owner[0], live_key(item).namespace, owner[1]) if owner else None


def _status(item: Json, used: Counter[tuple[str, str]], newest: dict[ObjectKey, tuple[int, str]]) -> Status:
    kind = item["kind"]
    if kind == "Node":
        return _node(item, used)
    if kind == "Pod":
        return _pod(item)
    if kind == "Deployment":
        return _deployment(item, newest)
    status = item.get("status") or {}
    replicas, ready = int(status.get("replicas") or 0), int(status.get("readyReplicas") or 0)
    if kind == "ReplicaSet":
        return ReplicaStatus(replicas, ready, _revision(item))
    if kind == "StatefulSet":
        return StatefulSetStatus(replicas, ready)
    return None


def _node(item: Json, used: Counter[tuple[str, str]]) -> NodeStatus:
    name, ready = item["metadata"]["name"], condition(item, "Ready")
    return msgspec.structs.replace(
        initial_status(item), ready=ready, heartbeat=ready,
        millicores=used[name, "millicores"], memory_mib=used[name, "mib"],
        weight=(used[name, _WEIGHED[0]], used[name, _WEIGHED[1]]),
    )  # fmt: skip


def _pod(item: Json) -> PodStatus:
    """A pod that has ended counts for nobody, however it ended."""
    status = item.get("status") or {}
    phase: Phase = "Failed" if _ended(item) else "Running" if status.get("phase") == "Running" else "Pending"
    return PodStatus(
        phase=phase, state="running" if phase == "Running" else "waiting",
        node=str(item["spec"].get("nodeName") or ""), ready=condition(item, "Ready"),
        ip=str(status.get("podIP") or ""),
    )  # fmt: skip


def _deployment(item: Json, newest: dict[ObjectKey, tuple[int, str]]) -> DeploymentStatus:
    status = item.get("status") or {}
    revision, current = newest.get(live_key(item), (0, ""))
    seen = status.get("observedGeneration") == item["metadata"].get("generation")
    return DeploymentStatus(
        observed=int(seen), current=current, revision=revision, replicas=int(status.get("replicas") or 0),
        updated=int(status.get("updatedReplicas") or 0), ready=int(status.get("readyReplicas") or 0),
    )  # fmt: skip


def _newest_sets(found: list[Json]) -> dict[ObjectKey, tuple[int, str]]:
    """The ReplicaSet each Deployment is rolled out to, with its revision."""
    newest: dict[ObjectKey, tuple[int, str]] = {}
    for item in found:
        owner = _owner_key(item)
        if item["kind"] == "ReplicaSet" and owner is not None:
            newest[owner] = max(newest.get(owner, (0, "")), (_revision(item), item["metadata"]["name"]))
    return newest


def _revision(item: Json) -> int:
    return int((item["metadata"].get("annotations") or {}).get(REVISION) or 0)


def _requests(found: list[Json]) -> Counter[tuple[str, str]]:
    """What the pods bound to each node have requested, and what they count as; one that has ended takes no room."""
    used: Counter[tuple[str, str]] = Counter()
    for item in found:
        node = item["kind"] == "Pod" and item["spec"].get("nodeName")
        if node and not _ended(item):
            spec: Any = read_spec(configured(item))
            used[node, "millicores"] += requested_millicores(spec)
            used[node, "mib"] += requested_mib(spec)
            for unit, amount in zip(_WEIGHED, weighed(spec), strict=True):
                used[node, unit] += amount
    return used


def _ended(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in ENDED
