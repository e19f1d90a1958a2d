"""Job controller: pods that end, until enough of them ended well.

Follows kubernetes.io/docs/concepts/workloads/controllers/job: "Parallel execution for Jobs", "Completion mode", "Pod
backoff failure policy", "Job termination and cleanup", "Clean up finished jobs automatically", "Suspending a Job". A
pod that somebody else deletes while it runs counts as failed. `podFailurePolicy`, `successPolicy`,
`backoffLimitPerIndex` and `podReplacementPolicy` are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.status import JobStatus
from stratus_sim.cluster.watching import STANDING, STATUS, WRITTEN, watches
from stratus_sim.cluster.workloads import availability
from stratus_sim.cluster.workloads.naming import free_pod_name
from stratus_sim.cluster.workloads.replicaset import usefulness
from stratus_sim.kernel import SECOND_US, handler

if TYPE_CHECKING:
    from stratus_sim.world import World

INDEX, OWNER = "batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/controller-uid"
BACK_OFF_US, BACK_OFF_CAP_US = 10 * SECOND_US, 360 * SECOND_US
_BACK_OFF_LIMIT = 6


@watches("Job", of=WRITTEN)
def on_job(world: World, old: Resource | None, new: Resource | None) -> None:
    if new is not None and (old is None or old.generation != new.generation):
        world.enqueue("job", new.key)


@watches("Pod", of=STATUS | STANDING, owner="Job")
def on_pod(world: World, old: Resource | None, new: Resource | None) -> None:
    owner = availability.pod_owner(old, new, "Job")
    if owner is None:
        return
    if old is not None and pods.active(old) and (new is None or not pods.active(new)):
        well = new is not None and new.status.phase == "Succeeded"
        world.enqueue("job.ended", (owner, old.uid, old.labels.get(INDEX), well))
    restarted = old is not None and new is not None and old.status.restarts != new.status.restarts
    if restarted or not pods.stands_alike(old, new):
        world.enqueue("job", owner)


@handler("job.ended")
def count(world: World, pod: tuple[ObjectKey, int, str | None, bool]) -> None:
    """A pod has ended or was taken away: each counts once, whatever becomes of the pod later."""
    key, uid, index, well = pod
    job = world.store.get(key)
    if job is None or uid < job.uid:
        return
    status: JobStatus = job.status
    if uid in status.released:
        changed = msgspec.structs.replace(status, released=status.released - {uid})
    elif well:
        done = status.done | {int(index)} if index is not None else status.done
        succeeded = len(done) if index is not None else status.succeeded + 1
        changed = msgspec.structs.replace(status, succeeded=succeeded, done=done, failed_in_a_row=0)
    else:
        changed = _failed(world, key, status)
    world.store.report(key, changed)


def _failed(world: World, key: ObjectKey, status: JobStatus) -> JobStatus:
    """Wait ten seconds before the next pod, twice as long after each further failure."""
    delay_us = min(BACK_OFF_CAP_US, BACK_OFF_US << min(status.failed_in_a_row, 10))
    world.schedule(delay_us, "workload.available", "job", key)
    return msgspec.structs.replace(
        status,
        failed=status.failed + 1,
        failed_in_a_row=status.failed_in_a_row + 1,
        retry_us=world.now_us + delay_us,
    )


@handler("job")
def reconcile(world: World, key: ObjectKey) -> None:
    """Start, hold, finish, or bring the number of active pods to what is left to do."""
    job = world.store.get(key)
    if job is None or job.deleting:
        return
    if job.status.finished:
        _await_removal(world, job)
    elif job.spec.suspend:
        _suspend(world, job)
    else:
        job = _started(world, job)
        verdict = _verdict(world, job)
        if verdict is None:
            _size(world, job)
        else:
            _finish(world, job, *verdict)
    _count_active(world, key)


def _count_active(world: World, key: ObjectKey) -> None:
    job = world.store.get(key)
    if job is not None:
        active, ready = world.store.standing(key)
        world.store.report(key, msgspec.structs.replace(job.status, active=active, ready=ready))


def completions(job: Resource) -> int | None:
    """How many pods must end well; None for a work queue, where one that did says that all is done."""
    spec = job.spec
    if spec.completions is None and spec.parallelism is None:
        return 1
    wanted: int | None = spec.completions
    return wanted


def indexed(job: Resource) -> bool:
    return bool(job.spec.completion_mode == "Indexed")


def _wanted(job: Resource, active: int) -> int:
    """How many pods should be active now."""
    parallelism: int = 1 if job.spec.parallelism is None else job.spec.parallelism
    enough: int | None = completions(job)
    done: int = job.status.succeeded
    if enough is None:
        return active if done else parallelism
    return max(0, min(parallelism, enough - done))


def _verdict(world: World, job: Resource) -> tuple[str, str, str] | None:
    """(condition, reason, message) of a job that is over, None for one that is not."""
    status, enough, active = job.status, completions(job), world.store.standing(job.key)[0]
    limit = _BACK_OFF_LIMIT if job.spec.backoff_limit is None else job.spec.backoff_limit
    if status.failed > limit or _restarts(world, job) >= max(1, limit):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if _left_us(world, job) <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    if status.succeeded >= enough if enough is not None else (status.succeeded and not active):
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    return None


def _restarts(world: World, job: Resource) -> int:
    """Restarts of containers of active pods, which count as failures where pods are restarted in place."""
    if job.spec.template.spec.restart_policy != "OnFailure":
        return 0
    return sum(pod.status.restarts for pod in world.store.owned(job.key) if pods.active(pod))


def _left_us(world: World, job: Resource) -> int:
    """What is left of `activeDeadlineSeconds`; more than nothing where there is none."""
    limit = job.spec.active_deadline_seconds
    return 1 if limit is None else int(job.status.started_us + limit * SECOND_US - world.now_us)


def _started(world: World, job: Resource) -> Resource:
    """The job with its clock running."""
    status = job.status
    if status.started_us is not None:
        return job
    if status.suspended:
        emit(world, job.key, "Resumed", "Job resumed")
    limit = job.spec.active_deadline_seconds
    timer = None if limit is None else world.schedule(limit * SECOND_US, "workload.available", "job", job.key)
    world.store.report(
        job.key, msgspec.structs.replace(status, started_us=world.now_us, suspended=False, deadline=timer)
    )
    return world.store.get(job.key) or job


def _suspend(world: World, job: Resource) -> None:
    """Take the active pods away; what has ended well stays counted, the clock starts anew when it goes on."""
    if not job.status.suspended:
        emit(world, job.key, "Suspended", "Job suspended")
    _stop_clock(world, job)
    world.store.report(job.key, msgspec.structs.replace(job.status, suspended=True, started_us=None, deadline=None))
    _release(world, job.key, world.store.standing(job.key)[0])


def _stop_clock(world: World, job: Resource) -> None:
    if job.status.deadline is not None:
        world.cancel(job.status.deadline)


def _size(world: World, job: Resource) -> None:
    active = world.store.standing(job.key)[0]
    missing = _wanted(job, active) - active
    if missing < 0:
        _release(world, job.key, -missing)
    elif missing and world.now_us >= job.status.retry_us:
        for index in _indexes(world, job, missing):
            if not _create(world, job, index):
                break


def _release(world: World, key: ObjectKey, count: int) -> None:
    """Take away pods that are no longer wanted: they count neither as failed nor as done."""
    job = world.store.get(key)
    if job is None or not count:
        return
    active = [pod for pod in world.store.owned(key) if pods.active(pod)]
    chosen = sorted(active, key=lambda pod: usefulness(pod, 0, world.now_us))[:count]
    released = job.status.released | {pod.uid for pod in chosen}
    world.store.report(key, msgspec.structs.replace(job.status, released=released))
    for pod in chosen:
        _delete(world, key, pod)


def _delete(world: World, key: ObjectKey, pod: Resource) -> None:
    emit(world, key, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
    pods.terminate(world, pod.key)


def _indexes(world: World, job: Resource, count: int) -> list[int | None]:
    """The lowest indexes nobody has done or works on; no index for a job that counts only."""
    if not indexed(job):
        return [None] * count
    busy = {int(pod.labels[INDEX]) for pod in world.store.owned(job.key) if pods.active(pod)}
    taken = busy | job.status.done
    free: list[int | None] = [n for n in range(completions(job) or 0) if n not in taken]
    return free[:count]


def _create(world: World, job: Resource, index: int | None) -> bool:
    item = ("job", job.key)
    labels = {
        "batch.kubernetes.io/job-name": job.key.name, "job-name": job.key.name, OWNER: uid_label(job),
        "controller-uid": uid_label(job),
    }  # fmt: skip
    if index is None:
        name = free_pod_name(world, job.key)
        created = pods.create(world, name, job, item, labels=labels)
    else:
        mark = {INDEX: str(index)}
        name = free_pod_name(world, job.key, f"{job.key.name}-{index}")
        labels = {**labels, **mark}
        created = pods.create(world, name, job, item, labels=labels, annotations=mark, fields=_with_index(job, index))
    if created:
        emit(world, job.key, "SuccessfulCreate", f"Created pod: {name}")
    return created


def uid_label(job: Resource) -> str:
    """The value of the label by which a Job knows its pods."""
    return f"{job.uid:08x}"


def _with_index(job: Resource, index: int) -> dict[str, Any]:
    entry = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}
    raw = job.manifest["spec"]["template"]["spec"]
    return {"containers": [{**c, "env": [*(c.get("env") or ()), entry]} for c in raw["containers"]]}


def _finish(world: World, job: Resource, condition: str, reason: str, message: str) -> None:
    """Write down the outcome, take away pods still active, and remember to remove the job if it wants that."""
    failed = condition == "Failed"
    _stop_clock(world, job)
    if not failed:
        _release(world, job.key, world.store.standing(job.key)[0])
    status = msgspec.structs.replace(
        (world.store.get(job.key) or job).status, finished=condition, finished_us=world.now_us, reason=reason,
        message=message, deadline=None,
    )  # fmt: skip
    world.store.report(job.key, status)
    emit(world, job.key, reason if failed else "Completed", message if failed else "Job completed", warning=failed)
    for pod in [pod for pod in world.store.owned(job.key) if pods.active(pod)]:
        _delete(world, job.key, pod)
    _await_removal(world, world.store.get(job.key) or job)


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
