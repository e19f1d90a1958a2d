"""Deployment controller: its own ReplicaSets, one a template, and what to make of them.

Follows kubernetes.io/docs/concepts/workloads/controllers/deployment: "Updating", "Rollover", "Rolling Back", "Pausing
and Resuming", "Clean up Policy", "Pod-template-hash label". How far sets are scaled is `rollout`'s matter, whether it
gets on `progress`'s, and whose a set is `adoption`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import DeploymentStatus, ReplicaStatus
from stratus_sim.cluster.watching import ENDED, STATUS, WRITTEN, watches
from stratus_sim.cluster.workloads import progress, rollout
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.cluster.workloads.templates import HASH, labelled, template_hash
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

HISTORY_LIMIT = 10
_NO_SET = ReplicaStatus()


@watches("Deployment", of=WRITTEN)
def on_deployment(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("deployment", new.key)


@watches("ReplicaSet", of=STATUS)
def on_replica_set(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    if owner is not None and (old is None or new is None or old.status != new.status):
        world.enqueue("deployment", owner)


@watches("Pod", of=ENDED, owner="ReplicaSet")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    """Recreate goes on when the last old pod is gone or has ended, however long it took to terminate."""
    pod = new or old
    if pod is None or pod.owner is None or pod.owner.kind != "ReplicaSet" or (new is not None and not pods.ended(new)):
        return
    replica_set = world.store.get(pod.owner)
    deployment = world.store.get(replica_set.owner) if replica_set is not None and replica_set.owner else None
    if deployment is not None and rollout.recreates(deployment):
        world.enqueue("deployment", deployment.key)


@handler("deployment")
def reconcile(world: World, key: ObjectKey) -> None:
    """Move one step towards the newest template, never below what availability allows."""
    deployment = world.store.get(key)
    if deployment is None or deployment.deleting:
        return
    name, sets, made = _set_name(deployment), world.store.owned(key), False
    if len(sets) != 1 or sets[0].key.name != name or sets[0].spec.replicas != wanted(deployment):
        made = _advance(world, deployment, name, sets)
        sets = world.store.owned(key)
    status = progress.judged(world, deployment, _counted(world, deployment, name, sets), made=made)
    world.store.report(key, status)
    if len(sets) > 1 and (deployment.spec.paused or progress.complete(deployment, status)):
        _clean_up(world, deployment, [r for r in sets if r.key.name != name])


def history(world: World, key: ObjectKey) -> list[Resource]:
    """The ReplicaSets of a Deployment, oldest revision first."""
    owned = (found for found in world.store.owned(key) if found.key.kind == "ReplicaSet")
    return sorted(owned, key=lambda r: (r.status.revision, r.key))


def _advance(world: World, deployment: Resource, name: str, sets: list[Resource]) -> bool:
    """Scale and roll; whether a ReplicaSet had to be made for the present template."""
    current = next((r for r in sets if r.key.name == name), None)
    if deployment.spec.paused or rollout.resized(deployment):
        rollout.resize(world, deployment, current, [r for r in sets if r is not current])
    if deployment.spec.paused:
        return False
    newest = _promoted(world, deployment, name)
    older = [r for r in world.store.owned(deployment.key) if r.key.name != name]
    rollout.advance(world, deployment, newest, older)
    return current is None


def _promoted(world: World, deployment: Resource, name: str) -> Resource:
    """The ReplicaSet of the present template, made or given the newest revision when it does not have it yet."""
    key = ObjectKey("ReplicaSet", deployment.key.namespace, name)
    found = world.store.get(key)
    newest = max([r.status.revision for r in world.store.owned(deployment.key)], default=0)
    if found is None:
        return _create_set(world, deployment, key, newest + 1)
    if found.status.revision < newest:
        world.store.report(key, replace(found.status, revision=newest + 1))
    return world.store.get(key) or found


def _set_name(deployment: Resource) -> str:
    status = deployment.status
    if status and status.observed == deployment.generation:
        name: str = status.current
        return name
    return f"{deployment.key.name}-{template_hash(deployment.manifest['spec']['template'])}"


def _create_set(world: World, deployment: Resource, key: ObjectKey, revision: int) -> Resource:
    template = labelled(deployment.manifest["spec"]["template"], key.name.rpartition("-")[2])
    selector = deployment.manifest["spec"].get("selector") or {}
    labels = template["metadata"]["labels"]
    own = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: labels[HASH]}}
    patience = {"minReadySeconds": wait} if (wait := deployment.spec.min_ready_seconds) else {}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
        "spec": {"replicas": 0, **patience, "selector": own, "template": template},
    }
    return world.store.create(manifest, owner=deployment.key, status=ReplicaStatus(revision=revision))


def _clean_up(world: World, deployment: Resource, older: list[Resource]) -> None:
    """Old sets beyond `revisionHistoryLimit` go, the lowest revisions first; never one that has pods."""
    limit = deployment.spec.revision_history_limit
    surplus = len(older) - (HISTORY_LIMIT if limit is None else limit)
    for replica_set in sorted(older, key=_revision)[: max(0, surplus)]:
        if not replica_set.spec.replicas and not replica_set.status.replicas:
            world.store.remove(replica_set.key)


def _revision(replica_set: Resource) -> int:
    revision: int = replica_set.status.revision
    return revision


def _counted(world: World, deployment: Resource, name: str, sets: list[Resource]) -> DeploymentStatus:
    old, current = deployment.status or DeploymentStatus(), _NO_SET
    replicas = ready = available = 0
    for found in sets:
        status = found.status
        replicas, ready, available = replicas + status.replicas, ready + status.ready, available + status.available
        current = status if found.key.name == name else current
    asked = wanted(deployment)
    return replace(
        old,
        observed=deployment.generation,
        current=name,
        revision=current.revision or old.revision,
        replicas=replicas,
        updated=current.replicas,
        ready=ready,
        available=available,
        since_us=old.since_us if deployment.status and old.ready == ready else world.now_us,
        sized_for=asked,
        short_us=old.short_us if (ready < asked) == (old.ready < (old.sized_for or 0)) else world.now_us,
    )
