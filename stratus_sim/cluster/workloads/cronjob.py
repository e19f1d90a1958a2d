"""CronJob controller: a Job whenever the schedule says so.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs: "Schedule syntax", "Deadline for delayed Job
start", "Concurrency policy", "Schedule suspension", "Jobs history limits", "CronJob limitations". One timer: the next
due time.
Time zones other than UTC are refused with the event UnknownTimeZone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stratus_sim.cluster.admission.refusal import refuse
from stratus_sim.cluster.admission.registry import Denied, admitted
from stratus_sim.cluster.calendar import instant_us, moment
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.status import CronJobStatus, JobStatus
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.cluster.workloads import cron
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

_KEPT = {"Complete": 3, "Failed": 1}


@watches("CronJob", of=WRITTEN)
def on_cron_job(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("cronjob", new.key)


@watches("Job")
def on_job(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = (new or old).owner  # type: ignore[union-attr]  # a change has at least one side
    if owner is None or owner.kind != "CronJob":
        return
    if old is None or new is None or old.status.finished != new.status.finished:
        world.enqueue("cronjob", owner)


@handler("cronjob.due")
def due(world: World, key: ObjectKey) -> None:
    world.enqueue("cronjob", key)


@handler("cronjob")
def reconcile(world: World, key: ObjectKey) -> None:
    """Note which Jobs have finished, start one that is due, and set the timer for the next."""
    found = world.store.get(key)
    if found is None:
        return
    schedule = _schedule(world, found)
    _note_finished(world, key)
    if schedule is not None and not found.spec.suspend:
        _start_due(world, key, schedule)
    _forget_old(world, found)
    _set_timer(world, key, schedule if not found.spec.suspend else None)


def _schedule(world: World, found: Resource) -> cron.Schedule | None:
    if not cron.utc(found.spec.time_zone):
        emit(world, found.key, "UnknownTimeZone", f'invalid timeZone: "{found.spec.time_zone}"', warning=True)
        return None
    try:
        return cron.parse(found.spec.schedule)
    except ValueError as error:
        emit(world, found.key, "UnparseableSchedule", f"unparseable schedule: {error}", warning=True)
        return None


def _jobs(world: World, key: ObjectKey) -> list[Resource]:
    """The Jobs there are, oldest first."""
    return sorted((item for item in world.store.owned(key) if item.key.kind == "Job"), key=lambda job: job.uid)


def _status(world: World, key: ObjectKey) -> CronJobStatus:
    found = world.store.get(key)
    return found.status if found is not None and found.status is not None else CronJobStatus()


def _note_finished(world: World, key: ObjectKey) -> None:
    status, jobs = _status(world, key), _jobs(world, key)
    active = tuple(job.key.name for job in jobs if not job.status.finished)
    success_us = status.success_us
    for job in jobs:
        if job.key.name in status.active and job.status.finished:
            emit(world, key, "SawCompletedJob", f"Saw completed job: {job.key.name}, condition: {job.status.finished}")
        if job.status.finished == "Complete":
            success_us = max(success_us or 0, job.status.finished_us)
    world.store.report(key, msgspec.structs.replace(status, active=active, success_us=success_us))


def _start_due(world: World, key: ObjectKey, schedule: cron.Schedule) -> None:
    found = world.store.get(key)
    if found is None or found.deleting:
        return
    due_us = _latest_due(world, found, schedule)
    deadline = found.spec.starting_deadline_seconds
    if due_us is None:
        return
    if deadline is not None and world.now_us - due_us > deadline * SECOND_US:
        late = f"Missed scheduled time to start a job: {moment(due_us):%a, %d %b %Y %H:%M:%S +0000}"
        emit(world, key, "MissSchedule", late, warning=True)
        return
    policy, active = found.spec.concurrency_policy, found.status.active
    if policy == "Forbid" and active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        emit(world, key, "JobAlreadyActive", message)
        return
    for name in active if policy == "Replace" else ():
        world.store.remove(ObjectKey("Job", key.namespace, name))
        emit(world, key, "SuccessfulDelete", f"Deleted job {name}")
    _start(world, found, due_us)


def _latest_due(world: World, found: Resource, schedule: cron.Schedule) -> int | None:
    """The latest due time that is over and has no Job yet."""
    last = schedule.before(moment(world.now_us))
    earliest_us = found.created_us if found.status is None or found.status.last_us is None else found.status.last_us
    return instant_us(last) if last is not None and instant_us(last) > earliest_us else None


def _start(world: World, found: Resource, due_us: int) -> None:
    minute = int(moment(due_us).timestamp()) // 60
    job = ObjectKey("Job", found.key.namespace, f"{found.key.name}-{minute}")
    if world.store.get(job) is None:
        try:
            manifest = admitted(world, _manifest(found, job, due_us))
        except Denied as denied:
            refuse(world, found, "Error creating job: ", str(denied), ("cronjob", found.key))
            return
        world.store.create(manifest, owner=found.key, status=JobStatus())
        emit(world, found.key, "SuccessfulCreate", f"Created job {job.name}")
    status = _status(world, found.key)
    active = tuple(item.key.name for item in _jobs(world, found.key) if not item.status.finished)
    world.store.report(found.key, msgspec.structs.replace(status, active=active, last_us=due_us))


def _manifest(found: Resource, job: ObjectKey, due_us: int) -> Manifest:
    template = found.manifest["spec"]["jobTemplate"]
    marks = template.get("metadata") or {}
    stamp = {"batch.kubernetes.io/cronjob-scheduled-timestamp": f"{moment(due_us):%Y-%m-%dT%H:%M:%SZ}"}
    metadata = {
        "name": job.name, "namespace": job.namespace, "labels": marks.get("labels") or {},
        "annotations": {**(marks.get("annotations") or {}), **stamp},
    }  # fmt: skip
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def _forget_old(world: World, found: Resource) -> None:
    """Remove the oldest finished Jobs beyond the limits of the history."""
    spec = found.spec
    limits = {"Complete": spec.successful_jobs_history_limit, "Failed": spec.failed_jobs_history_limit}
    for outcome, limit in limits.items():
        ended = [job for job in _jobs(world, found.key) if job.status.finished == outcome]
        for job in ended[: max(0, len(ended) - (_KEPT[outcome] if limit is None else limit))]:
            world.store.remove(job.key)
            emit(world, found.key, "SuccessfulDelete", f"Deleted job {job.key.name}")


def _set_timer(world: World, key: ObjectKey, schedule: cron.Schedule | None) -> None:
    status = _status(world, key)
    if status.timer is not None:
        world.cancel(status.timer)
    following = schedule.after(moment(world.now_us)) if schedule is not None else None
    timer = None
    if following is not None:
        timer = world.schedule(instant_us(following) - world.now_us, "cronjob.due", key)
    world.store.report(key, msgspec.structs.replace(status, timer=timer))
