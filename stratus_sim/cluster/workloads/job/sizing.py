"""The pods of a Job: how many there should be, which go and which come.

Follows kubernetes.io/docs/concepts/workloads/controllers/job: "Controlling parallelism", "Completion mode", "Elastic
Indexed Jobs", "Pod replacement policy".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.job_status import IndexFailures
from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource
from stratus_sim.cluster.workloads.job import terms
from stratus_sim.cluster.workloads.naming import LONGEST_PREFIX, free_pod_name
from stratus_sim.cluster.workloads.replicaset import usefulness

if TYPE_CHECKING:
    from stratus_sim.world import World

_FAILURES = "batch.kubernetes.io/job-index-failure-count"
_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
_VARIABLE = "JOB_COMPLETION_INDEX"


def size(world: World, job: Resource) -> None:
    """Take away what is too much, else start what is missing and may start."""
    active = world.store.standing(job.key)[0]
    wanted = _wanted(job, active)
    surplus = _surplus(world, job, active - wanted)
    if surplus:
        release(world, job.key, surplus)
        return
    missing = wanted - active - (len(leaving(world, job)) if terms.waits_for_end(job) else 0)
    if missing > 0 and world.now_us >= job.status.retry_us:
        for index in _indexes(world, job, missing):
            if not _create(world, job, index):
                break


def release(world: World, key: ObjectKey, chosen: Iterable[Resource]) -> None:
    """Take away pods that are no longer wanted: they count neither as failed nor as done."""
    found, gone = world.store.get(key), list(chosen)
    if found is not None and gone:
        released = found.status.released | {pod.uid for pod in gone}
        world.store.report(key, replace(found.status, released=released))
        delete(world, key, gone)


def delete(world: World, key: ObjectKey, chosen: Iterable[Resource]) -> None:
    for pod in chosen:
        if pods.active(pod):
            emit(world, key, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
            pods.terminate(world, pod.key)


def present(world: World, job: Resource) -> list[Resource]:
    """The active pods of a job."""
    return [pod for pod in world.store.owned(job.key) if pods.active(pod)]


def leaving(world: World, job: Resource) -> list[Resource]:
    """The pods of a job that are on their way out."""
    return [pod for pod in world.store.owned(job.key) if pod.deleting and not pods.ended(pod)]


def _wanted(job: Resource, active: int) -> int:
    """How many pods should be active now."""
    enough, done = terms.completions(job), int(job.status.succeeded)
    if enough is None:
        return active if done else terms.parallelism(job)
    return max(0, min(terms.parallelism(job), enough - done))


def _surplus(world: World, job: Resource, count: int) -> list[Resource]:
    """The pods to take away: those of indexes that are none any more, and the least useful of the others."""
    if count <= 0 and not terms.indexed(job):
        return []
    most = terms.completions(job) or 0
    beyond = [pod for pod in present(world, job) if terms.indexed(job) and (terms.index_of(pod) or 0) >= most]
    others = [pod for pod in present(world, job) if pod not in beyond] if count > len(beyond) else []
    others.sort(key=lambda pod: usefulness(pod, 0, world.now_us))
    return beyond + others[: max(0, count - len(beyond))]


def _indexes(world: World, job: Resource, count: int) -> list[int | None]:
    """The lowest indexes nobody has done, given up or works on; no index for a job that counts only.

    One whose back-off is not over keeps its place in the row.
    """
    if not terms.indexed(job):
        return [None] * count
    busy = present(world, job) + (leaving(world, job) if terms.waits_for_end(job) else [])
    taken = {terms.index_of(pod) for pod in busy} | job.status.done | job.status.failed_indexes
    free = [n for n in range(terms.completions(job) or 0) if n not in taken][:count]
    return [n for n in free if world.now_us >= job.status.failures.get(n, IndexFailures()).retry_us]


def _create(world: World, job: Resource, index: int | None) -> bool:
    item, uid = ("job", job.key), terms.uid_label(job)
    labels = {
        "batch.kubernetes.io/job-name": job.key.name, "job-name": job.key.name, terms.OWNER: uid,
        "controller-uid": uid,
    }  # fmt: skip
    if index is None:
        name = free_pod_name(world, job.key)
        created = pods.create(world, name, job, item, labels=labels)
    else:
        name = free_pod_name(world, job.key, f"{job.key.name[: LONGEST_PREFIX - len(f'-{index}-')]}-{index}")
        labels[terms.INDEX] = str(index)
        fields = {**_with_index(job.manifest["spec"]["template"]["spec"]), "hostname": f"{job.key.name}-{index}"}
        created = pods.create(
            world, name, job, item, labels=labels, annotations=_annotations(job, index), fields=fields
        )
    if created:
        emit(world, job.key, "SuccessfulCreate", f"Created pod: {name}")
    return created


def _annotations(job: Resource, index: int) -> Mapping[str, str]:
    found = {terms.INDEX: str(index)}
    if terms.limited_per_index(job):
        failures = job.status.failures.get(index, IndexFailures())
        found[_FAILURES] = str(failures.counted)
        if failures.ignored:
            found[_IGNORED] = str(failures.ignored)
    return found


def _with_index(template: Manifest) -> dict[str, Any]:
    """The containers of a pod, with the variable that tells them their index."""
    path = f"metadata.labels['{terms.INDEX}']"
    entry = {"name": _VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": path}}}
    lists = {field: template[field] for field in ("containers", "initContainers") if template.get(field)}
    return {field: [_informed(container, entry) for container in found] for field, found in lists.items()}


def _informed(container: Manifest, entry: Manifest) -> Manifest:
    given = container.get("env") or []
    return container if any(one["name"] == _VARIABLE for one in given) else {**container, "env": [*given, entry]}
