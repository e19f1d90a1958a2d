"""Writes to configuration, audited: who changed which object from what to what.

Agents, faults and people all write through here; controllers do not, they own status and what they create.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stratus_sim.cluster import escalation, garbage, pods, rbac, service_accounts
from stratus_sim.cluster.admission.registry import admit_deletion, admitted
from stratus_sim.cluster.job_status import CronJobStatus, JobStatus
from stratus_sim.cluster.nodes import initial_status
from stratus_sim.cluster.objects import Manifest, ObjectKey, key_of
from stratus_sim.cluster.scale_status import AutoscalerStatus
from stratus_sim.cluster.status import (
    DaemonSetStatus,
    DeploymentStatus,
    EndpointsStatus,
    PodStatus,
    ReplicaStatus,
    StatefulSetStatus,
    Status,
)

if TYPE_CHECKING:
    from stratus_sim.world import World


class Change(NamedTuple):
    """One audited write; `before` is None where nothing was, `after` for a deletion. `earlier` links the audit log.

    `whole` says that the writer set every field of the object, not just those that differ: who writes a field decides
    about it, even where the value stays the same.
    """

    number: int
    time_us: int
    writer: str
    key: ObjectKey
    before: Manifest | None
    after: Manifest | None
    earlier: Change | None
    whole: bool = False


def put(world: World, manifest: Manifest, writer: str, *, whole: bool = False, user: rbac.User | None = None) -> None:
    """Create an object or replace its manifest; `whole` as in `Change`. A `user` needs a role that allows it.

    Raises:
        UserError: a field the control plane reads has the wrong type; nothing is stored.
        Denied: the user may not, or admission refuses it; nothing is stored.
    """
    key = key_of(manifest)
    old = world.store.get(key)
    if user is not None:
        rbac.authorize(world, user, "create" if old is None else "update", key)
        escalation.check(world, user, manifest)
    service_accounts.ensure(world, key)
    manifest = admitted(world, manifest, old.manifest if old else None)
    if old is None:
        garbage.check(world, world.store.create(manifest, status=_first_status(world, manifest)))
    else:
        taken = False if key.kind == service_accounts.KIND else None
        garbage.rewritten(world, old, world.store.configure(key, manifest, made=taken))
    _audit(world, writer, key, old.manifest if old else None, manifest, whole=whole)


def delete(
    world: World,
    key: ObjectKey,
    writer: str,
    propagation: garbage.Propagation = "Background",
    *,
    user: rbac.User | None = None,
    grace_s: int | None = None,
) -> None:
    """Delete an object; a pod goes gracefully, what it owned follows as `propagation` says.

    `grace_s` stands in for the grace period of a pod, 0 for one that is to be gone at once.

    Deleting what is not there is no error, and is audited: its writer has decided that it shall not be there.

    Raises:
        Denied: the user may not, or admission refuses it; nothing is deleted.
    """
    if user is not None:
        rbac.authorize(world, user, "delete", key)
    old = world.store.get(key)
    if old is None:
        _audit(world, writer, key, None, None, whole=True)
        return
    admit_deletion(world, old.manifest)
    if key.kind == "Pod" and grace_s is not None:
        pods.terminate(world, key, grace_s)
    else:
        garbage.discard(world, old, propagation)
    if old.owner is None and not old.made:
        _audit(world, writer, key, old.manifest, None, whole=True)


def changes_since(world: World, number: int) -> list[Change]:
    """The audited writes after the first `number`, oldest first."""
    found, change = [], world.cluster.audit
    while change is not None and change.number > number:
        found.append(change)
        change = change.earlier
    return found[::-1]


def _audit(world: World, writer: str, key: ObjectKey, before: Any, after: Any, *, whole: bool) -> None:
    last = world.cluster.audit
    number = last.number + 1 if last else 1
    world.cluster.audit = Change(number, world.now_us, writer, key, before, after, last, whole)
    world.record("api.write", {"writer": writer, "object": str(key), "verb": _verb(before, after)})


def _verb(before: Any, after: Any) -> str:
    return "delete" if after is None else "create" if before is None else "update"


def _first_status(world: World, manifest: Manifest) -> Status:
    kind = str(manifest.get("kind"))
    if kind == "Node":
        return initial_status(manifest, world.store.on_node(key_of(manifest).name))
    if kind == "Pod":
        return PodStatus(since_us=world.now_us)
    return _FIRST[kind]() if kind in _FIRST else None


_FIRST: Mapping[str, Callable[[], Status]] = {
    "Deployment": DeploymentStatus,
    "ReplicaSet": ReplicaStatus,
    "StatefulSet": StatefulSetStatus,
    "DaemonSet": DaemonSetStatus,
    "Job": JobStatus,
    "CronJob": CronJobStatus,
    "EndpointSlice": EndpointsStatus,
    "HorizontalPodAutoscaler": AutoscalerStatus,
}
