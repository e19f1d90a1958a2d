"""How far a Deployment's ReplicaSets are scaled, one step at a time.

Follows kubernetes.io/docs/concepts/workloads/controllers/deployment: "Rolling Update Deployment" (surge,
unavailable), "Recreate Deployment", "Proportional scaling". Steps are worked out from what sets are asked to have and
how many of their pods are available, so a report that is late cannot break a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.bounds import bounds, wanted

if TYPE_CHECKING:
    from stratus_sim.world import World


def recreates(deployment: Resource) -> bool:
    strategy = deployment.spec.strategy
    return strategy is not None and strategy.type == "Recreate"


def advance(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    """Take the next step from `older` sets to the `current` one."""
    if recreates(deployment):
        _recreate(world, deployment, current, older)
    else:
        _roll(world, deployment, current, older)


def resized(deployment: Resource) -> bool:
    """Whether the number of replicas was changed since the sets were last scaled."""
    status = deployment.status
    return status is not None and status.sized_for not in (None, wanted(deployment))


def resize(world: World, deployment: Resource, current: Resource | None, older: list[Resource]) -> None:
    """Scale without rolling: the one set with pods, else every set in proportion to its size."""
    alive = [r for r in (*older, *([current] if current else [])) if r.spec.replicas]
    if len(alive) <= 1:
        alone = alive[0] if alive else current or max(older, key=_by_revision, default=None)
        if alone is not None:
            scale(world, alone, wanted(deployment))
    elif current is not None and _saturated(deployment, current):
        for replica_set in older:
            scale(world, replica_set, 0)
    elif not recreates(deployment):
        _in_proportion(world, deployment, alive)


def _by_revision(replica_set: Resource) -> int:
    revision: int = replica_set.status.revision
    return revision


def _saturated(deployment: Resource, current: Resource) -> bool:
    size = wanted(deployment)
    return bool(current.spec.replicas == size == current.status.available)


def _in_proportion(world: World, deployment: Resource, alive: list[Resource]) -> None:
    """Spread a change over all sets by their sizes; what rounding leaves goes to the largest."""
    size = wanted(deployment)
    allowed = size + bounds(deployment)[0] if size else 0
    change = allowed - sum(r.spec.replicas for r in alive)
    age = -1 if change > 0 else 1  # among sets as large, the newest grow first and the oldest shrink first
    ordered = sorted(alive, key=lambda r: (-r.spec.replicas, age * r.uid))
    before, added, sizes = _size_before(deployment), 0, []
    for replica_set in ordered:
        share = _share(replica_set.spec.replicas, allowed, before, change - added)
        added += share
        sizes.append(replica_set.spec.replicas + share)
    sizes[0] = max(0, sizes[0] + change - added)
    for replica_set, target in zip(ordered, sizes, strict=True):
        scale(world, replica_set, target)


def _size_before(deployment: Resource) -> int:
    """How many pods there might have been when the sets were last scaled."""
    spec = msgspec.structs.replace(deployment.spec, replicas=deployment.status.sized_for)
    was = msgspec.structs.replace(deployment, spec=spec)
    return max(1, wanted(was) + bounds(was)[0])


def _share(size: int, allowed: int, before: int, left: int) -> int:
    """A set's part of a change: its size times the growth, rounded half up, and no more than what is left."""
    fraction = (2 * size * allowed + before) // (2 * before) - size
    return min(fraction, left) if left > 0 else max(fraction, left)


def scale(world: World, replica_set: Resource, replicas: int) -> None:
    """Ask a set for another number of pods; an event says so where that is a change."""
    before = replica_set.spec.replicas
    if before == replicas:
        return
    manifest = {**replica_set.manifest, "spec": {**replica_set.manifest["spec"], "replicas": replicas}}
    world.store.configure(replica_set.key, manifest, msgspec.structs.replace(replica_set.spec, replicas=replicas))
    direction = "up" if replicas > before else "down"
    message = f"Scaled {direction} replica set {replica_set.key.name} from {before} to {replicas}"
    if replica_set.owner is not None:
        emit(world, replica_set.owner, "ScalingReplicaSet", message)


def _roll(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    replicas = wanted(deployment)
    surge, unavailable = bounds(deployment)
    total = current.spec.replicas + sum(r.spec.replicas for r in older)
    if current.spec.replicas >= replicas:
        grown = replicas
    else:
        grown = min(replicas, current.spec.replicas + max(0, replicas + surge - total))
    scale(world, current, grown)
    _shrink_older(world, older, replicas - unavailable, grown, min(grown, current.status.available))


def _shrink_older(world: World, older: list[Resource], minimum: int, new: int, new_available: int) -> None:
    """Scale old sets down, the oldest first and unavailable pods before, as far as `minimum` available pods remain."""
    alive = sorted((r for r in older if r.spec.replicas), key=lambda r: r.uid)
    spare = sum(r.spec.replicas for r in alive) + new - minimum - (new - new_available)
    for only_unavailable in (True, False):
        for replica_set in alive:
            now = world.store.get(replica_set.key) or replica_set
            sick = now.spec.replicas - min(now.spec.replicas, now.status.available)
            cut = max(0, min(spare, sick if only_unavailable else now.spec.replicas))
            scale(world, now, now.spec.replicas - cut)
            spare -= cut


def _recreate(world: World, deployment: Resource, current: Resource, older: list[Resource]) -> None:
    """No new pod before the last old one is gone."""
    for replica_set in older:
        scale(world, replica_set, 0)
    if not any(not pods.ended(pod) for r in older for pod in world.store.owned(r.key)):
        scale(world, current, wanted(deployment))
