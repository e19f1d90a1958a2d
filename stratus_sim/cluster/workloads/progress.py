"""The condition Progressing of a Deployment: does its rollout get on, and has it stopped for too long.

Follows kubernetes.io/docs/concepts/workloads/controllers/deployment ("Deployment status", "Progress Deadline Seconds").
Only a rollout under way has a timer; a Deployment that is complete or paused costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import DeploymentStatus
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US, Timer, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

DEADLINE_S = 600
CREATED, UPDATED, AVAILABLE = "NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"
PAUSED, RESUMED, EXCEEDED = "DeploymentPaused", "DeploymentResumed", "ProgressDeadlineExceeded"


def complete(deployment: Resource, status: DeploymentStatus) -> bool:
    """Whether every replica is of the newest template and available, and no old one is left."""
    return status.updated == status.replicas == status.available == wanted(deployment)


def judged(world: World, deployment: Resource, status: DeploymentStatus, *, made: bool) -> DeploymentStatus:
    """The status with its condition brought up to date; `made` says that a new ReplicaSet has just been created."""
    old = deployment.status or DeploymentStatus()
    if old.progress == AVAILABLE and status.replicas == status.updated and not (made or deployment.spec.paused):
        return status  # pods lost or scaled are no rollout
    got_on = _got_on(old, status)
    reason = _reason(world, deployment, old, status, made=made, got_on=got_on)
    moved = made or reason != old.progress or got_on
    timer = _timer(world, deployment, old, reason)
    if not moved and timer is old.deadline:
        return status
    return replace(status, progress=reason, progress_us=world.now_us if moved else old.progress_us, deadline=timer)


def _reason(
    world: World, deployment: Resource, old: DeploymentStatus, new: DeploymentStatus, *, made: bool, got_on: bool
) -> str:
    if deployment.spec.paused:
        return old.progress if old.progress == EXCEEDED else PAUSED
    if made:
        return CREATED
    if complete(deployment, new):
        return AVAILABLE
    if old.progress == PAUSED:
        return RESUMED
    if old.progress in ("", AVAILABLE) or got_on:
        return UPDATED
    late = world.now_us - old.progress_us >= _deadline_us(deployment)
    return EXCEEDED if late else old.progress


def _got_on(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    fewer_old = new.replicas - new.updated < old.replicas - old.updated
    return new.updated > old.updated or fewer_old or new.ready > old.ready or new.available > old.available


def _timer(world: World, deployment: Resource, old: DeploymentStatus, reason: str) -> Timer | None:
    if reason in (CREATED, UPDATED, RESUMED):
        if old.deadline is not None:
            return old.deadline
        return world.schedule(_deadline_us(deployment), "deployment.deadline", deployment.key, deployment.uid)
    if old.deadline is not None:
        world.cancel(old.deadline)
    return None


@handler("deployment.deadline")
def look(world: World, key: ObjectKey, uid: int) -> None:
    """The deadline of some step is over: if a later one came, wait for the rest of that."""
    deployment = world.store.get(key)
    if deployment is None or deployment.uid != uid:
        return
    left_us = deployment.status.progress_us + _deadline_us(deployment) - world.now_us
    timer = world.schedule(left_us, "deployment.deadline", key, uid) if left_us > 0 else None
    world.store.report(key, replace(deployment.status, deadline=timer))
    if timer is None:
        world.enqueue("deployment", key)


def _deadline_us(deployment: Resource) -> int:
    return (deployment.spec.progress_deadline_seconds or DEADLINE_S) * SECOND_US
