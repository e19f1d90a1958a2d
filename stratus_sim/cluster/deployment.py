"""Deployment controller: rolling update, Recreate, revision history.

Follows kubernetes.io/docs/concepts/workloads/controllers/deployment ("Updating", "Rolling Update Deployment").
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.status import DeploymentStatus, ReplicaStatus
from stratus_sim.cluster.store import watches
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

HISTORY_LIMIT = 10


@watches("Deployment")
def on_deployment(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("deployment", new.key)


@watches("ReplicaSet")
def on_replica_set(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    if owner is not None and (old is None or new is None or old.status != new.status):
        world.enqueue("deployment", owner)


@handler("deployment")
def reconcile(world: World, key: ObjectKey) -> None:
    """Move one step towards the newest template, never below what availability allows."""
    deployment = world.store.get(key)
    if deployment is None:
        return
    sets = world.store.owned(key)
    current = _current(world, deployment, sets)
    older = [r for r in sets if r.key != current.key]
    if older or current.spec.replicas != wanted(deployment):
        _advance(world, deployment, current, older)
        _prune(world, deployment, older)
        current = world.store.get(current.key) or current
        older = [r for r in world.store.owned(key) if r.key != current.key]
    _report(world, deployment, current, older)


def wanted(deployment: Resource) -> int:
    """`spec.replicas`, 1 when absent."""
    replicas: int | None = deployment.spec.replicas
    return 1 if replicas is None else replicas


def history(world: World, key: ObjectKey) -> list[Resource]:
    """The ReplicaSets of a Deployment, oldest revision first."""
    return sorted(world.store.owned(key), key=lambda r: (r.status.revision, r.key))


def _advance(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    if deployment.spec.paused:
        _scale_alone(world, deployment, current, older)
    elif deployment.spec.strategy and deployment.spec.strategy.type == "Recreate":
        _recreate(world, deployment, current, older)
    else:
        _roll(world, deployment, current, older)


def _current(world: World, deployment: Resource, sets: list[Resource]) -> Resource:
    """The ReplicaSet of the present template, made or promoted to the newest revision when it is not that yet."""
    key = ObjectKey("ReplicaSet", deployment.key.namespace, _set_name(deployment))
    found = world.store.get(key)
    newest = max([r.status.revision for r in sets], default=0)
    if found is None:
        return _create_set(world, deployment, key, newest + 1)
    if found.status.revision >= newest:
        return found
    world.store.report(key, msgspec.structs.replace(found.status, revision=newest + 1))
    return world.store.get(key) or found


def _set_name(deployment: Resource) -> str:
    status = deployment.status
    if status and status.observed == deployment.generation:
        name: str = status.current
        return name
    return f"{deployment.key.name}-{template_hash(deployment.manifest['spec']['template'])}"


def template_hash(template: Manifest) -> str:
    """Ten hex digits that name a pod template; null and empty fields do not count."""
    text = json.dumps(_canonical(template), sort_keys=True)
    return blake2b(text.encode(), digest_size=5).hexdigest()


def _canonical(node: Any) -> Any:
    if isinstance(node, dict):
        items = {k: _canonical(v) for k, v in node.items()}
        return {k: v for k, v in items.items() if v not in (None, {}, [])}
    return [_canonical(item) for item in node] if isinstance(node, list) else node


def _create_set(world: World, deployment: Resource, key: ObjectKey, revision: int) -> Resource:
    template, raw = deployment.spec.template, deployment.manifest["spec"]["template"]
    labels = (template.metadata and template.metadata.labels) or {}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
        "spec": {"replicas": 0, "selector": deployment.manifest["spec"]["selector"], "template": raw},
    }
    return world.store.create(manifest, owner=deployment.key, status=ReplicaStatus(revision=revision))


def _scale(world: World, replica_set: Resource, replicas: int) -> None:
    if replica_set.spec.replicas == replicas:
        return
    manifest = {**replica_set.manifest, "spec": {**replica_set.manifest["spec"], "replicas": replicas}}
    world.store.configure(replica_set.key, manifest, msgspec.structs.replace(replica_set.spec, replicas=replicas))
    direction = "up" if replicas > replica_set.spec.replicas else "down"
    message = f"Scaled {direction} replica set {replica_set.key.name} from {replica_set.spec.replicas} to {replicas}"
    if replica_set.owner is not None:
        emit(world, replica_set.owner, "ScalingReplicaSet", message)


def _roll(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    replicas = wanted(deployment)
    surge, unavailable = bounds(deployment)
    total = current.spec.replicas + sum(r.spec.replicas for r in older)
    if current.spec.replicas >= replicas:
        _scale(world, current, replicas)
        grown = replicas
    else:
        grown = min(replicas, current.spec.replicas + max(0, replicas + surge - total))
        _scale(world, current, grown)
    _shrink_older(world, older, replicas - unavailable, grown, current.status.ready)


def _shrink_older(world: World, older: list[Resource], minimum: int, new: int, new_ready: int) -> None:
    """Scale old sets down, unready pods first, as far as `minimum` available pods remain."""
    alive = [r for r in older if r.spec.replicas]
    spare = sum(r.spec.replicas for r in alive) + new - minimum - (new - new_ready)
    for only_unready in (True, False):
        for replica_set in alive:
            now = world.store.get(replica_set.key) or replica_set
            unready = now.spec.replicas - min(now.spec.replicas, now.status.ready)
            cut = max(0, min(spare, unready if only_unready else now.spec.replicas))
            _scale(world, now, now.spec.replicas - cut)
            spare -= cut


def _recreate(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    for replica_set in older:
        _scale(world, replica_set, 0)
    if all(r.status.replicas == 0 for r in older):
        _scale(world, current, wanted(deployment))


def _scale_alone(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    """A paused Deployment still scales, but only the set that carries its pods."""
    alive = [r for r in older if r.spec.replicas] or [current]
    _scale(world, alive[-1], wanted(deployment))


def bounds(deployment: Resource) -> tuple[int, int]:
    """(surge, unavailable) in pods; percentages round up and down, and not both may be 0."""
    rolling = deployment.spec.strategy and deployment.spec.strategy.rolling_update
    surge = _portion(rolling and rolling.max_surge, wanted(deployment), up=True)
    unavailable = _portion(rolling and rolling.max_unavailable, wanted(deployment), up=False)
    return surge, unavailable if surge or unavailable else 1


def _portion(value: int | str | None, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    percent = int((value or "25%").rstrip("%"))
    return (replicas * percent + (99 if up else 0)) // 100


def _prune(world: World, deployment: Resource, older: list[Resource]) -> None:
    limit = deployment.spec.revision_history_limit
    empty = sorted((r for r in older if not r.spec.replicas and not r.status.replicas), key=_revision)
    for replica_set in empty[: max(0, len(empty) - (HISTORY_LIMIT if limit is None else limit))]:
        world.store.remove(replica_set.key)


def _revision(replica_set: Resource) -> int:
    revision: int = replica_set.status.revision
    return revision


def _report(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    updated, old = current.status, deployment.status
    ready = updated.ready + sum([r.status.ready for r in older])
    status = DeploymentStatus(
        observed=deployment.generation,
        current=current.key.name,
        revision=updated.revision,
        replicas=updated.replicas + sum([r.status.replicas for r in older]),
        updated=updated.replicas,
        ready=ready,
        since_us=old.since_us if old and old.ready == ready else world.now_us,
    )
    world.store.report(deployment.key, status)
