"""What Jobs and CronJobs promise.

From kubernetes.io/docs/concepts/workloads/controllers/job ("Controlling parallelism", "Completion mode", "Suspending a
Job", "Pod backoff failure policy", "Termination of Job pods", "Pod replacement policy") and .../cron-jobs ("Concurrency
policy", "Jobs history limits", "Schedule suspension", "Deadline for delayed Job start").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from stratus_sim.cluster import pods
from stratus_sim.cluster.calendar import instant_us
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.invariants.promises.look import Look, active_pods, label, owned_pods

INDEX = "batch.kubernetes.io/job-completion-index"
DUE = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def _fixed(job: Resource) -> int | None:
    """How many pods have to succeed, where that is said."""
    completions: int | None = job.spec.completions
    return completions


def _parallel(job: Resource) -> int:
    return 1 if job.spec.parallelism is None else int(job.spec.parallelism)


def _going(world: World) -> Iterator[Resource]:
    return (job for job in world.store.list("Job") if not job.deleting and not job.status.finished)


def crowded_jobs(look: Look) -> Iterator[str]:
    """No more pods at once than `parallelism`, nor than are left to succeed; none while suspended."""
    for job in _going(look.world) if look.settled else ():
        active, most = len(active_pods(look.world, job)), _parallel(job)
        if (wanted := _fixed(job)) is not None:
            most = min(most, wanted - job.status.succeeded)
        elif job.status.succeeded:
            most = active  # of a work queue that has come to its end who is at work goes on
        most = 0 if job.spec.suspend else most
        if active > most:
            yield f"{job.key}: {active} pods at work, no more than {most} may be"


def shared_indexes(look: Look) -> Iterator[str]:
    """Of an Indexed Job one pod works on an index, and none on one that is done."""
    for job in _going(look.world) if look.settled else ():
        if job.spec.completion_mode == "Indexed":
            found = Counter(int(label(pod, INDEX)) for pod in active_pods(look.world, job))
            over = {n for n in found if n in job.status.done or n >= (_fixed(job) or 0)}
            if wrong := sorted(over | {n for n, count in found.items() if count > 1}):
                yield f"{job.key}: indexes {wrong} are worked on by {found}"


def impatient_jobs(look: Look) -> Iterator[str]:
    """Where `podReplacementPolicy` is Failed, a pod comes only once the one it replaces has ended."""
    for job in {pod.owner for pod in look.made("Pod") if pod.owner is not None and pod.owner.kind == "Job"}:
        found = look.world.store.get(job)
        if found is not None and found.spec.pod_replacement_policy == "Failed":
            there = [pod for pod in owned_pods(look.world, found) if not pods.ended(pod)]
            if len(there) > _parallel(found):
                yield f"{job}: {len(there)} pods have not ended, {_parallel(found)} may be at work"


def undone_jobs(look: Look) -> Iterator[str]:
    """What a Job has counted it does not forget, and how it has ended is how it has ended."""
    for old, new in look.kept("Job"):
        before, now = old.status, new.status
        if before.finished and (before.finished, before.finished_us) != (now.finished, now.finished_us):
            yield f"{new.key}: was {before.finished}, is {now.finished or 'unfinished'} again"
        if before.target and before.target != now.target:
            yield f"{new.key}: was to be {before.target}, is to be {now.target}"
        trimmed = any(index >= (_fixed(new) or 0) for index in before.done)  # there are fewer indexes now
        if now.failed < before.failed or (now.succeeded < before.succeeded and not trimmed):
            yield f"{new.key}: counted {before.failed} and {before.succeeded}, now {now.failed} and {now.succeeded}"


def restless_jobs(look: Look) -> Iterator[str]:
    """Who has ended, is held, has failed too often, or is a work queue that has come to its end gets no more pods."""
    for pod in look.made("Pod"):
        job = look.before.get(pod.owner) if pod.owner is not None and pod.owner.kind == "Job" else None
        if job is None or look.by_user:
            continue
        limit = 6 if job.spec.backoff_limit is None else job.spec.backoff_limit
        spent = job.spec.backoff_limit_per_index is None and job.status.failed > limit
        over = _fixed(job) is None and not job.status.single and job.status.succeeded
        if job.status.target or job.spec.suspend or spent or over:
            yield f"{job.key}: {pod.key.name} has come though {job.status.target or 'suspended, spent or over'}"


def false_endings(look: Look) -> Iterator[str]:
    """Complete is who has succeeded as often as asked; who has ended, however, has no pod left at work."""
    for old, job in look.kept("Job"):
        if not job.status.finished or old.status.finished:
            continue
        status, wanted = job.status, _fixed(job)
        enough = bool(status.succeeded) if wanted is None else status.succeeded >= wanted
        if status.finished == "Complete" and not enough:
            yield f"{job.key}: Complete with {status.succeeded} of {wanted}"
        if active_pods(look.world, job):
            yield f"{job.key}: {status.finished}, and pods are still at work"


def overdue_jobs(look: Look) -> Iterator[str]:
    """A Job that has ended is gone once its time to live is over; one that runs, once it is over its deadline."""
    for job in look.world.store.list("Job") if look.settled else ():
        spec, status, now_us = job.spec, job.status, look.world.now_us
        ttl, deadline = spec.ttl_seconds_after_finished, spec.active_deadline_seconds
        if ttl is not None and status.finished and not job.deleting and now_us > status.finished_us + ttl * SECOND_US:
            yield f"{job.key}: has been {status.finished} for longer than {ttl} s"
        held = spec.suspend or status.target or job.deleting or status.started_us is None
        if deadline is not None and not held and now_us > status.started_us + deadline * SECOND_US:
            yield f"{job.key}: active for longer than {deadline} s"


def overlapping_runs(look: Look) -> Iterator[str]:
    """CronJobs that forbid or replace concurrent runs have one at most; suspended or late ones start none."""
    for job in look.made("Job"):
        cron = look.before.get(job.owner) if job.owner is not None and job.owner.kind == "CronJob" else None
        if cron is None or look.by_user:
            continue
        others = [one.key.name for one in _runs(look.world, cron.key) if one.key != job.key and not one.status.finished]
        if cron.spec.concurrency_policy in ("Forbid", "Replace") and others:
            yield f"{cron.key}: starts {job.key.name} beside {others}"
        due_us = instant_us(datetime.fromisoformat(job.manifest["metadata"]["annotations"][DUE]))
        late = cron.spec.starting_deadline_seconds
        if cron.spec.suspend or (late is not None and look.world.now_us - due_us > late * SECOND_US):
            yield f"{cron.key}: starts {job.key.name} though suspended or too late"
        if due_us > look.world.now_us:
            yield f"{cron.key}: starts {job.key.name} before its time"


def _runs(world: World, cron: ObjectKey) -> list[Resource]:
    return [job for job in world.store.owned(cron) if job.key.kind == "Job" and not job.deleting]


def long_histories(look: Look) -> Iterator[str]:
    """Of the Jobs that have ended as many stay as the limits say, and these are the latest."""
    for cron in look.world.store.list("CronJob") if look.settled else ():
        spec, runs = cron.spec, _runs(look.world, cron.key)
        limits = {"Complete": (spec.successful_jobs_history_limit, 3), "Failed": (spec.failed_jobs_history_limit, 1)}
        for outcome, (given, default) in limits.items():
            kept = [job.key.name for job in runs if job.status.finished == outcome]
            most = default if given is None else given
            if len(kept) > most:
                yield f"{cron.key}: keeps {kept}, no more than {most} that are {outcome}"


PROMISES = (
    crowded_jobs, shared_indexes, impatient_jobs, undone_jobs, restless_jobs, false_endings, overdue_jobs,
    overlapping_runs, long_histories,
)  # fmt: skip
