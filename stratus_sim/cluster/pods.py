"""What every controller that owns pods needs to know about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stratus_sim.cluster import container_status, lifecycle, priority
from stratus_sim.cluster.admission.refusal import Item, refuse
from stratus_sim.cluster.admission.registry import Denied, admitted
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource, finalizers_of
from stratus_sim.cluster.status import ENDED, PodStatus

if TYPE_CHECKING:
    from stratus_sim.world import World

_NOTHING: Mapping[str, Any] = {}


def active(pod: Resource) -> bool:
    """Whether a pod counts towards its owner's replicas."""
    return not pod.deleting and pod.status.phase not in ENDED


def ended(pod: Resource) -> bool:
    """Whether the pod's containers have ended for good: it stays to be looked at, and takes nothing."""
    return pod.status.phase in ENDED


def standing(pod: Resource | None) -> tuple[int, int]:
    """What a pod adds to its owner's counts: active pods, and ready ones among them."""
    if pod is None or pod.deleting or pod.status.phase in ENDED:
        return 0, 0
    return 1, int(pod.status.ready)


def stands_alike(old: Resource | None, new: Resource | None) -> bool:
    """Whether a change of a pod leaves what its owner looks at: is it there, does it count, does it serve."""
    if old is None or new is None:
        return False
    return bool(old.status.ready == new.status.ready) and active(old) == active(new)


def create(
    world: World,
    name: str,
    owner: Resource,
    item: Item,
    *,
    labels: Mapping[str, str] = _NOTHING,
    annotations: Mapping[str, str] = _NOTHING,
    fields: Mapping[str, Any] = _NOTHING,
    template: Manifest | None = None,
) -> bool:
    """Create a pod from the template of the object that owns it; whether the API server let it in.

    `item` is what the owner's controller was at: it comes back to it some time after a refusal.

    `labels` and `annotations` are added to the template's, `fields` replace fields of its spec; `template` stands in
    for the owner's own (an earlier revision).
    """
    raw = owner.manifest["spec"]["template"] if template is None else template
    metadata = {"name": name, "namespace": owner.key.namespace, **_marked(marks(raw), labels, annotations)}
    typed = owner.spec.template.spec
    changed = {**fields, **priority.admitted(world, typed.priority_class_name or "")}
    spec = {**raw["spec"], **changed} if changed else raw["spec"]
    wanted = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    try:
        manifest = admitted(world, wanted)
    except Denied as denied:
        refuse(world, owner, _said(owner, name), str(denied), item)
        return False
    plain = not changed and template is None and manifest is wanted
    world.store.create(
        manifest, owner=owner.key, status=PodStatus(since_us=world.now_us), spec=typed if plain else None
    )
    return True


def _said(owner: Resource, pod: str) -> str:
    if owner.key.kind == "StatefulSet":
        return f"create Pod {pod} in StatefulSet {owner.key.name} failed error: "
    return "Error creating: "


def _marked(
    found: dict[str, Mapping[str, str]], labels: Mapping[str, str], annotations: Mapping[str, str]
) -> dict[str, Mapping[str, str]]:
    if labels:
        found["labels"] = {**found["labels"], **labels}
    if annotations:
        found["annotations"] = {**found.get("annotations", {}), **annotations}
    return found


def marks(template: Manifest) -> dict[str, Mapping[str, str]]:
    """The labels a template puts on its pods, and the annotations where it has any."""
    metadata = template.get("metadata") or {}
    annotations = metadata.get("annotations")
    return {"labels": metadata.get("labels") or {}, **({"annotations": annotations} if annotations else {})}


def update(world: World, pod: Resource, **changes: Any) -> None:
    """Report a changed status; `since_us` follows a change of readiness."""
    report(world, pod, changes)


def report(world: World, pod: Resource, changes: Mapping[str, Any]) -> None:
    """As `update`, of changes that are at hand."""
    status = pod.status
    if changes.get("ready", status.ready) is not status.ready:
        world.store.report(pod.key, replace(status, **changes, since_us=world.now_us))
    else:
        world.store.report(pod.key, replace(status, **changes))


def terminate(world: World, key: ObjectKey, grace_s: int | None = None) -> None:
    """Begin graceful termination: the pod leaves its endpoints at once and is gone once its processes have ended.

    `grace_s` stands in for the pod's own grace period, also for one on its way out already; with 0 nobody waits for its
    kubelet, unless a finalizer holds the pod.
    """
    pod = world.store.get(key)
    if pod is None or (pod.deleting and grace_s is None):
        return
    world.store.mark_deleting(key)
    end(world, pod, grace_s)


def end(world: World, pod: Resource, grace_s: int | None = None) -> None:
    """Have a pod that is marked for deletion stopped by its kubelet.

    One without a node, or that has ended, is gone at once (`CheckGracefulDelete` of k8s.io/kubernetes/pkg/registry).
    """
    if not pod.status.node or ended(pod) or (grace_s == 0 and not finalizers_of(pod.manifest)):
        world.store.remove(pod.key)
        return
    running = container_status.running(pod)
    delay_us, hook_failed = lifecycle.termination(world, pod, running, grace_s)
    told_before = pod.deleting and grace_s is not None
    if world.node_alive(pod.status.node) and not told_before:
        for container in running:
            emit(world, pod.key, "Killing", f"Stopping container {container.name}")
        if hook_failed:
            emit(world, pod.key, "FailedPreStopHook", "PreStopHook failed", warning=True)
    world.schedule(delay_us, "kubelet.terminated", pod.key, pod.uid)


def of_workload(world: World, workload: ObjectKey) -> list[Resource]:
    """The pods of a workload, whatever state they are in: of a Deployment those of all its ReplicaSets."""
    owners = list(world.store.owned_keys(workload)) if workload.kind == "Deployment" else [workload]
    return [one for owner in owners for one in world.store.owned(owner) if one.key.kind == "Pod"]


def root_owner(world: World, pod: Resource) -> ObjectKey | None:
    """The workload a pod belongs to: the Deployment behind its ReplicaSet, or its direct owner."""
    owner = pod.owner
    if owner is not None and owner.kind == "ReplicaSet":
        replica_set = world.store.get(owner)
        return replica_set.owner if replica_set is not None and replica_set.owner else owner
    return owner
