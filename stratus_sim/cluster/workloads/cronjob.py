"""CronJob controller: a Job whenever the schedule says so.

Follows kubernetes.io/docs/concepts/workloads/controllers/cron-jobs: "Schedule syntax", "Deadline for delayed Job
start", "Concurrency policy", "Schedule suspension", "Jobs history limits", "Time zones", "CronJob limitations", and the
controller of Kubernetes 1.33. One timer: the next due time.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from stratus_sim.cluster.admission.refusal import refuse
from stratus_sim.cluster.admission.registry import Denied, admitted
from stratus_sim.cluster.calendar import moment
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.job_status import CronJobStatus, JobStatus
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.watching import WRITTEN, watches
from stratus_sim.cluster.workloads import calendars
from stratus_sim.cluster.workloads.calendars import Calendar
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

KEPT = {"Complete": 3, "Failed": 1}


@watches("CronJob", of=WRITTEN)
def on_cron_job(world: World, old: Resource | None, new: Resource | None) -> None:
    """Another schedule counts from now on: it does not make up for what it would have started before."""
    if new is None or (old is not None and old.generation == new.generation):
        return
    kept = old is None or (old.spec.schedule, old.spec.time_zone) == (new.spec.schedule, new.spec.time_zone)
    world.enqueue("cronjob" if kept else "cronjob.rescheduled", new.key)


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


@handler("cronjob.rescheduled")
def reschedule(world: World, key: ObjectKey) -> None:
    found = world.store.get(key)
    if found is not None:
        _set_timer(world, found, calendars.read(found))


@handler("cronjob")
def reconcile(world: World, key: ObjectKey) -> None:
    """Note which Jobs have finished, start one that is due, and set the timer for the next."""
    found = world.store.get(key)
    if found is None:
        return
    _note_finished(world, key)
    calendar = calendars.read(found)
    if calendar is not None:
        _start_due(world, key, calendar)
    _forget_old(world, found)
    _set_timer(world, found, calendar)


def _jobs(world: World, key: ObjectKey) -> list[Resource]:
    """The Jobs there are, oldest first."""
    return sorted((item for item in world.store.owned(key) if item.key.kind == "Job"), key=lambda job: job.uid)


def _status(world: World, key: ObjectKey) -> CronJobStatus:
    found = world.store.get(key)
    return found.status if found is not None and found.status is not None else CronJobStatus()


def _note_finished(world: World, key: ObjectKey) -> None:
    status, jobs = _status(world, key), _jobs(world, key)
    active = tuple(job.key.name for job in jobs if not job.status.finished)
    for name in sorted(set(status.active) - {job.key.name for job in jobs}):
        emit(world, key, "MissingJob", f"Active job went missing: {name}")
    success_us = status.success_us
    for job in jobs:
        if job.key.name in status.active and job.status.finished:
            emit(world, key, "SawCompletedJob", f"Saw completed job: {job.key.name}, condition: {job.status.finished}")
        if job.status.finished == "Complete":
            success_us = max(success_us or 0, job.status.finished_us)
    world.store.report(key, msgspec.structs.replace(status, active=active, success_us=success_us))


def _start_due(world: World, key: ObjectKey, calendar: Calendar) -> None:
    found = world.store.get(key)
    due_us = calendars.latest_due_us(world, found, calendar) if found is not None else None
    if found is None or due_us is None:
        return
    policy, active = found.spec.concurrency_policy, found.status.active
    if policy == "Forbid" and active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        emit(world, key, "JobAlreadyActive", message)
        return
    for name in active if policy == "Replace" else ():
        _remove(world, key, name)
    _start(world, found, calendar.zone, due_us)


def _remove(world: World, key: ObjectKey, name: str) -> None:
    world.store.remove(ObjectKey("Job", key.namespace, name))
    emit(world, key, "SuccessfulDelete", f"Deleted job {name}")


def _start(world: World, found: Resource, zone: ZoneInfo, due_us: int) -> None:
    minute = int(moment(due_us).timestamp()) // 60
    job = ObjectKey("Job", found.key.namespace, f"{found.key.name}-{minute}")
    if world.store.get(job) is None:
        try:
            manifest = admitted(world, _manifest(found, job, moment(due_us).astimezone(zone)))
        except Denied as denied:
            refuse(world, found, "Error creating job: ", str(denied), ("cronjob", found.key))
            return
        world.store.create(manifest, owner=found.key, status=JobStatus())
        emit(world, found.key, "SuccessfulCreate", f"Created job {job.name}")
    status = _status(world, found.key)
    active = tuple(item.key.name for item in _jobs(world, found.key) if not item.status.finished)
    world.store.report(found.key, msgspec.structs.replace(status, active=active, last_us=due_us))


def _manifest(found: Resource, job: ObjectKey, due: datetime) -> Manifest:
    template = found.manifest["spec"]["jobTemplate"]
    marks = template.get("metadata") or {}
    stamp = {"batch.kubernetes.io/cronjob-scheduled-timestamp": due.isoformat().replace("+00:00", "Z")}
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
        for job in ended[: max(0, len(ended) - (KEPT[outcome] if limit is None else limit))]:
            _remove(world, found.key, job.key.name)


def _set_timer(world: World, found: Resource, calendar: Calendar | None) -> None:
    status = _status(world, found.key)
    if status.timer is not None:
        world.cancel(status.timer)
    next_us = calendars.next_due_us(world, found, calendar) if calendar is not None else None
    timer = None if next_us is None else world.schedule(next_us - world.now_us, "cronjob.due", found.key)
    world.store.report(found.key, msgspec.structs.replace(status, timer=timer))
