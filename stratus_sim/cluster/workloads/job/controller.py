"""The work queue of Jobs: start, hold, bring to size, conclude, remove.

Follows kubernetes.io/docs/concepts/workloads/controllers/job: "Suspending a Job", "Job termination and cleanup",
"Termination of Job pods" (a job is Complete or Failed once its last pod is gone; until then SuccessCriteriaMet or
FailureTarget says what is coming), "Clean up finished jobs automatically", "Delegation of managing a Job object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stratus_sim.cluster import api
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.cluster.workloads.job import criteria, sizing, terms
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World


@watches("Job", of=WRITTEN)
def on_job(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("job", new.key)


@handler("job")
def reconcile(world: World, key: ObjectKey) -> None:
    """Start, hold, bring the number of active pods to what is left to do, or conclude."""
    job = world.store.get(key)
    if job is None or job.deleting or not terms.managed(job):
        return
    if job.status.finished:
        _await_removal(world, job)
        return
    if not job.status.target:
        _go_on(world, job)
    _count_pods(world, key)
    _conclude(world, key)


def _go_on(world: World, job: Resource) -> None:
    if job.spec.parallelism is None and not job.status.single:
        job = _report(world, job.key, single=job.spec.completions is None) or job
    job = _started(world, _trimmed(world, job))
    found = criteria.outcome(world, job)
    if found is None:
        if job.spec.suspend:
            _suspend(world, job)
        else:
            sizing.size(world, job)
        found = criteria.completed(job, world.store.standing(job.key)[0])
    if found is not None:
        _aim(world, job, found)


def _report(world: World, key: ObjectKey, **changes: Any) -> Resource | None:
    job = world.store.get(key)
    if job is not None:
        world.store.report(key, replace(job.status, **changes))
    return world.store.get(key)


def _trimmed(world: World, job: Resource) -> Resource:
    """The job without indexes that are none any more (`completions` of an Indexed job may be lowered)."""
    most, done = terms.completions(job), job.status.done
    if not done or most is None or max(done) < most:
        return job
    kept = frozenset(index for index in done if index < most)
    given_up = frozenset(index for index in job.status.failed_indexes if index < most)
    return _report(world, job.key, done=kept, failed_indexes=given_up, succeeded=len(kept)) or job


def _started(world: World, job: Resource) -> Resource:
    """The job with its clock running if it is not suspended, anew if it was."""
    status = job.status
    if job.spec.suspend:
        return job
    if status.suspended:
        emit(world, job.key, "Resumed", "Job resumed")
        job = _report(world, job.key, started_us=world.now_us, suspended=False, suspended_us=world.now_us) or job
    elif status.started_us is None:
        job = _report(world, job.key, started_us=world.now_us) or job
    return _timed(world, job)


def _timed(world: World, job: Resource) -> Resource:
    """The job with a timer at its deadline."""
    due_us, timer = criteria.deadline_us(job), job.status.deadline
    if due_us == (timer.due_us if timer is not None else None):
        return job
    _stop_clock(world, job)
    left_us = max(0, (due_us or 0) - world.now_us)
    timer = None if due_us is None else world.schedule(left_us, "workload.available", "job", job.key)
    return _report(world, job.key, deadline=timer) or job


def _stop_clock(world: World, job: Resource) -> None:
    if job.status.deadline is not None:
        world.cancel(job.status.deadline)


def _suspend(world: World, job: Resource) -> None:
    """Take the active pods away; what has ended well stays counted, the clock starts anew when it goes on."""
    if not job.status.suspended:
        emit(world, job.key, "Suspended", "Job suspended")
        _stop_clock(world, job)
        _report(world, job.key, suspended=True, suspended_us=world.now_us, deadline=None)
    sizing.release(world, job.key, sizing.present(world, job))


def _aim(world: World, job: Resource, found: criteria.Outcome) -> None:
    """Write down how the job will end, and take away pods still active: those of one that fails have failed."""
    _stop_clock(world, job)
    _report(
        world, job.key, target=found.condition, target_us=world.now_us, reason=found.reason, message=found.message,
        deadline=None,
    )  # fmt: skip
    if found.condition == "Failed":
        sizing.delete(world, job.key, sizing.present(world, job))
    else:
        uncounted = sizing.leaving(world, job) if terms.waits_for_end(job) else []
        sizing.release(world, job.key, [*sizing.present(world, job), *uncounted])


def _count_pods(world: World, key: ObjectKey) -> None:
    job = world.store.get(key)
    if job is not None:
        active, ready = world.store.standing(key)
        _report(world, key, active=active, ready=ready, terminating=len(sizing.leaving(world, job)))


def _conclude(world: World, key: ObjectKey) -> None:
    """The job has ended once its last pod is gone."""
    job = world.store.get(key)
    if job is None or not job.status.target or job.status.active or job.status.terminating:
        return
    status = job.status
    job = _report(world, key, finished=status.target, finished_us=world.now_us) or job
    failed = status.target == "Failed"
    emit(
        world,
        key,
        status.reason if failed else "Completed",
        status.message if failed else "Job completed",
        warning=failed,
    )
    _await_removal(world, job)


def _await_removal(world: World, job: Resource) -> None:
    ttl = job.spec.ttl_seconds_after_finished
    if ttl is not None:
        left_us = max(0, job.status.finished_us + ttl * SECOND_US - world.now_us)
        world.schedule(left_us, "job.expired", job.key, job.uid)


@handler("job.expired")
def expire(world: World, key: ObjectKey, uid: int) -> None:
    """Remove a finished job, and with it its pods, once its time to live is over."""
    job = world.store.get(key)
    if job is None or job.uid != uid or not job.status.finished or job.spec.ttl_seconds_after_finished is None:
        return
    if world.now_us >= job.status.finished_us + job.spec.ttl_seconds_after_finished * SECOND_US:
        api.delete(world, key, "ttl-after-finished-controller")
