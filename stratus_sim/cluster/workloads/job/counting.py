"""Every pod of a Job that has ended is counted once, whatever becomes of it later.

Follows kubernetes.io/docs/concepts/workloads/controllers/job: "Job tracking with finalizers", "Pod backoff failure
policy", "Backoff limit per index", "Pod replacement policy". A pod that somebody else takes away counts as failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from stratus_sim.cluster import pods
from stratus_sim.cluster.job_status import IndexFailures, JobStatus
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.watching import STANDING, STATUS, watches
from stratus_sim.cluster.workloads import availability
from stratus_sim.cluster.workloads.job import terms
from stratus_sim.cluster.workloads.job.failures import FAIL_INDEX, FAIL_JOB, IGNORE, Judgement, judge
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

BACK_OFF_US, BACK_OFF_CAP_US = 10 * SECOND_US, 600 * SECOND_US


class Ended(NamedTuple):
    """A pod that has ended: whose, which, at which index, whether well, and if not, what its job's policy says."""

    job: ObjectKey
    uid: int
    at: int | None
    well: bool
    judgement: Judgement


@watches("Pod", of=STATUS | STANDING, owner="Job")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = availability.pod_owner(old, new, "Job")
    job = world.store.get(owner) if owner is not None else None
    if job is None:
        return
    if old is not None and _over(job, new) and not _over(job, old):
        well = new is not None and new.status.phase == "Succeeded"
        judgement = Judgement() if well else judge(world, job, new or old)
        world.enqueue("job.ended", Ended(job.key, old.uid, terms.index_of(old), well, judgement))
    restarted = old is not None and new is not None and old.status.restarts != new.status.restarts
    if restarted or not pods.stands_alike(old, new):
        world.enqueue("job", job.key)


def _over(job: Resource, pod: Resource | None) -> bool:
    """Whether a pod counts as ended: one on its way out too, unless the job waits for the end."""
    if pod is None or pods.ended(pod):
        return True
    return pod.deleting and not terms.waits_for_end(job)


@handler("job.ended")
def count(world: World, pod: Ended) -> None:
    """A pod has ended: note it, and when its job may go on after a failure."""
    job = world.store.get(pod.job)
    if job is None or pod.uid < job.uid:
        return
    status: JobStatus = job.status
    if pod.uid in status.released:
        changed = replace(status, released=status.released - {pod.uid})
    elif terms.indexed(job) and not _valid(job, pod.at):
        return
    else:
        changed = _succeeded(job, pod.at) if pod.well else _failed(world, job, pod)
    world.store.report(pod.job, changed)


def _valid(job: Resource, index: int | None) -> bool:
    return index is not None and index < (terms.completions(job) or 0)


def _succeeded(job: Resource, index: int | None) -> JobStatus:
    status: JobStatus = job.status
    fresh = replace(status, failed_in_a_row=0, retry_us=0)
    if index is None:
        return replace(fresh, succeeded=status.succeeded + 1)
    done = status.done | {index}
    return replace(fresh, done=done, succeeded=len(done))


def _failed(world: World, job: Resource, pod: Ended) -> JobStatus:
    status: JobStatus = job.status
    action, message = pod.judgement
    if action != IGNORE:
        status = replace(status, failed=status.failed + 1)
    if action == FAIL_JOB and not status.fatal:
        status = replace(status, fatal=message)
    if status.target:
        return status
    if pod.at is not None and terms.limited_per_index(job):
        return _failed_at(world, job, status, pod.at, action)
    retry_us = _back_off(world, job.key, status.failed_in_a_row)
    return replace(status, failed_in_a_row=status.failed_in_a_row + 1, retry_us=retry_us)


def _failed_at(world: World, job: Resource, status: JobStatus, index: int, action: str) -> JobStatus:
    """Each index has its own back-off, and is given up when it has failed too often."""
    before = status.failures.get(index, IndexFailures())
    spent = action != IGNORE and before.counted >= job.spec.backoff_limit_per_index
    if spent or action == FAIL_INDEX:
        return replace(status, failed_indexes=status.failed_indexes | {index})
    retry_us = _back_off(world, job.key, before.counted + before.ignored)
    ignored = int(action == IGNORE)
    after = IndexFailures(before.counted + 1 - ignored, before.ignored + ignored, retry_us)
    return replace(status, failures=status.failures.set(index, after))


def _back_off(world: World, key: ObjectKey, failures: int) -> int:
    """When the next pod may come: in ten seconds, in twice as long after each further failure."""
    delay_us = min(BACK_OFF_CAP_US, BACK_OFF_US << min(failures, 10))
    world.schedule(delay_us, "workload.available", "job", key)
    return world.now_us + delay_us
