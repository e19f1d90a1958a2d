"""What a Job asks for, its defaults filled in.

Source: Kubernetes API reference v1.33, "JobSpec".
"""

from __future__ import annotations

from stratus_sim.cluster.objects import Resource, uuid_of

INDEX, OWNER = "batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/controller-uid"
_BACK_OFF_LIMIT, _UNLIMITED = 6, 2**31 - 1
_CONTROLLER = "kubernetes.io/job-controller"


def completions(job: Resource) -> int | None:
    """How many pods must end well; None for a work queue, where one that did says that all is done.

    A job that came without both fields has one, and keeps it when it is given `parallelism` later.
    """
    spec = job.spec
    if spec.completions is None and (spec.parallelism is None or job.status.single):
        return 1
    wanted: int | None = spec.completions
    return wanted


def parallelism(job: Resource) -> int:
    return 1 if job.spec.parallelism is None else int(job.spec.parallelism)


def indexed(job: Resource) -> bool:
    return bool(job.spec.completion_mode == "Indexed")


def limited_per_index(job: Resource) -> bool:
    """Whether each index may fail so often, and not all pods together."""
    return job.spec.backoff_limit_per_index is not None


def back_off_limit(job: Resource) -> int:
    if job.spec.backoff_limit is not None:
        return int(job.spec.backoff_limit)
    return _UNLIMITED if limited_per_index(job) else _BACK_OFF_LIMIT


def waits_for_end(job: Resource) -> bool:
    """Whether a pod on its way out is replaced, and counted, only once it is gone (`podReplacementPolicy: Failed`)."""
    return bool(job.spec.pod_replacement_policy == "Failed") or job.spec.pod_failure_policy is not None


def managed(job: Resource) -> bool:
    """Whether this controller is the one to manage the job (`managedBy`)."""
    return job.spec.managed_by in (None, _CONTROLLER)


def uid_label(job: Resource) -> str:
    """The value of the label by which a Job knows its pods."""
    return uuid_of(job.uid)


def index_of(pod: Resource) -> int | None:
    """The index a pod works on; None where it has none."""
    text = pod.labels.get(INDEX)
    return int(text) if text is not None else None
