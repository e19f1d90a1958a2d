"""kube-state-metrics about Jobs and CronJobs, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload (v2.17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from stratus_sim.manifests import cron, time_zones
from stratus_sim.telemetry.metrics.reading import (
    at,
    count,
    described,
    gauge,
    length,
    moment,
    one_of,
    owners,
    statuses,
    texts,
)
from stratus_sim.telemetry.metrics.table import Labels, Moment
from stratus_sim.telemetry.render import Json

_REASONS = ("BackoffLimitExceeded", "DeadlineExceeded", "Evicted")
_COUNTS = {
    "Job": (
        ("kube_job_spec_completions", "spec.completions", "The desired number of finished pods.", None),
        ("kube_job_spec_parallelism", "spec.parallelism", "The desired number of pods at any time.", None),
        ("kube_job_spec_active_deadline_seconds", "spec.activeDeadlineSeconds", "How long it may be active.", None),
        ("kube_job_status_active", "status.active", "The number of actively running pods.", 0),
        ("kube_job_status_succeeded", "status.succeeded", "The number of pods which reached Succeeded.", 0),
    ),
    "CronJob": (
        ("kube_cronjob_spec_suspend", "spec.suspend", "Whether the controller is suspended.", None),
        (
            "kube_cronjob_spec_starting_deadline_seconds", "spec.startingDeadlineSeconds",
            "How late a job may still start.", None,
        ),
        (
            "kube_cronjob_spec_successful_job_history_limit", "spec.successfulJobsHistoryLimit",
            "How many completed jobs are kept.", None,
        ),
        (
            "kube_cronjob_spec_failed_job_history_limit", "spec.failedJobsHistoryLimit",
            "How many failed jobs are kept.", None,
        ),
    ),
}  # fmt: skip
for _kind, _rows in _COUNTS.items():
    for _name, _path, _help, _default in _rows:
        count(_name, _kind, _path, _help, _default)
for _kind, _name, _path, _help in (
    ("Job", "start_time", "startTime", "When the job was started."),
    ("Job", "completion_time", "completionTime", "When the job was completed."),
    ("CronJob", "last_schedule_time", "lastScheduleTime", "When it was last scheduled."),
    ("CronJob", "last_successful_time", "lastSuccessfulTime", "When a job of it was last completed."),
):
    moment(f"kube_{_kind.lower()}_status_{_name}", _kind, f"status.{_path}", _help)
described("kube_job_info", "Job", "Information about job.", {})
owners("kube_job_owner", "Job")
length("kube_cronjob_status_active", "CronJob", "status.active", "The number of currently running jobs.")


def _having(kind: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """Jobs that have a condition; the others have no sample."""

    def read(job: Json) -> Iterator[tuple[Labels, float]]:
        for found in at(job, "status.conditions") or ():
            if found["type"] == kind:
                yield from statuses("condition", found)

    return read


gauge("kube_job_failed", "Job", "The job has failed its execution.", _having("Failed"))
gauge("kube_job_complete", "Job", "The job has completed its execution.", _having("Complete"))


def _suspended(job: Json) -> Iterator[tuple[Labels, float]]:
    """Of jobs that are or were suspended."""
    for found in at(job, "status.conditions") or ():
        if found["type"] == "Suspended":
            yield {}, int(found["status"] == "True")


def _failed(job: Json) -> Iterator[tuple[Labels, float]]:
    """A job that was given up has a sample for each reason there is, 1 for its own; before, the number of its pods."""
    failed = int(at(job, "status.failed") or 0)
    given_up = [found.get("reason") for found in at(job, "status.conditions") or () if found["type"] == "Failed"]
    if failed:
        for reason in given_up:
            yield from one_of("reason", _REASONS, reason)
    if not failed or not set(given_up) & set(_REASONS):
        yield {"reason": ""} if failed else {}, failed


gauge("kube_job_status_suspended", "Job", "Whether the job is suspended.", _suspended)
gauge("kube_job_status_failed", "Job", "The number of pods which reached Phase Failed and why.", _failed)


def _schedule(found: Json) -> Iterator[tuple[Labels, float]]:
    about = {"schedule": "spec.schedule", "concurrency_policy": "spec.concurrencyPolicy"}
    yield {**texts(found, about), "timezone": str(at(found, "spec.timeZone") or "local")}, 1


def _next(found: Json) -> Iterator[tuple[Labels, float]]:
    """When it is due after it last was, or since it came; late runs show as times that are over."""
    if not found["spec"]["suspend"]:
        since = datetime.fromisoformat(at(found, "status.lastScheduleTime") or found["metadata"]["creationTimestamp"])
        zone = time_zones.zone(found["spec"].get("timeZone") or "UTC")
        if (due := cron.parse(found["spec"]["schedule"]).after(since, zone)) is not None:
            yield {}, Moment(due.timestamp())


gauge("kube_cronjob_info", "CronJob", "Info about cronjob.", _schedule)
gauge("kube_cronjob_next_schedule_time", "CronJob", "Next time the cronjob should be scheduled.", _next)
