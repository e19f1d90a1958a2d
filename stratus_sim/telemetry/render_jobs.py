"""The status of Jobs and CronJobs as the API server returns it.

Field names, conditions and their reasons: Kubernetes API reference v1.33, "Job", "CronJob".
"""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster.job_status import CronJobStatus, JobStatus
from stratus_sim.cluster.objects import Resource
from stratus_sim.manifests import index_spans
from stratus_sim.telemetry.render_workloads import condition, timestamp

Json = dict[str, Any]


def job(body: Json, resource: Resource) -> None:
    """Put the status of a Job into `body`."""
    status: JobStatus = resource.status
    counts = ("active", "ready", "terminating", "succeeded", "failed")
    found: Json = {name: getattr(status, name) for name in counts} | {"uncountedTerminatedPods": {}}
    found["conditions"] = _conditions(status)
    if status.started_us is not None:
        found["startTime"] = timestamp(status.started_us)
    if status.finished == "Complete" and status.finished_us is not None:
        found["completionTime"] = timestamp(status.finished_us)
    if status.done:
        found["completedIndexes"] = index_spans.write(status.done)
    if resource.spec.backoff_limit_per_index is not None:
        found["failedIndexes"] = index_spans.write(status.failed_indexes)
    body["status"] = found


def _conditions(status: JobStatus) -> list[Json]:
    found = []
    if status.suspended_us is not None:
        reason = "JobSuspended" if status.suspended else "JobResumed"
        message = "Job suspended" if status.suspended else "Job resumed"
        found.append({**condition("Suspended", status.suspended, status.suspended_us, reason), "message": message})
    if status.target:
        announced = "SuccessCriteriaMet" if status.target == "Complete" else "FailureTarget"
        found.append({**condition(announced, True, status.target_us, status.reason), "message": status.message})
    if status.finished and status.finished_us is not None:
        found.append({**condition(status.finished, True, status.finished_us, status.reason), "message": status.message})
    return found


def cron_job(body: Json, resource: Resource) -> None:
    """Put the status of a CronJob into `body`."""
    status: CronJobStatus = resource.status
    namespace = resource.key.namespace
    active = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": namespace} for name in status.active]
    times = {"lastScheduleTime": status.last_us, "lastSuccessfulTime": status.success_us}
    body["status"] = {"active": active, **{k: timestamp(at) for k, at in times.items() if at is not None}}
