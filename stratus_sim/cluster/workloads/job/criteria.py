"""When a Job is over, and why.

Follows kubernetes.io/docs/concepts/workloads/controllers/job: "Job termination and cleanup", "Pod failure policy",
"Backoff limit per index", "Success policy", "Terminal Job conditions". Where several hold, the first of them counts, in
the order of the controller: failures before success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster import pods
from stratus_sim.cluster.job_status import JobStatus
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.job import terms
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import index_spans
from stratus_sim.manifests.batch_shapes import SuccessRule

if TYPE_CHECKING:
    from stratus_sim.world import World


class Outcome(NamedTuple):
    """The condition a job ends in, Complete or Failed, with its reason and message."""

    condition: str
    reason: str
    message: str


def outcome(world: World, job: Resource) -> Outcome | None:
    """How a job ends whatever its pods still do; None where it goes on."""
    if job.status.fatal:
        return Outcome("Failed", "PodFailurePolicy", job.status.fatal)
    if job.status.failed > terms.back_off_limit(job) or _restarted_too_often(world, job):
        return Outcome("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if not job.spec.suspend and deadline_us(job) is not None and world.now_us >= (deadline_us(job) or 0):
        return Outcome("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    return _indexes_failed(job) or _succeeded_early(job)


def completed(job: Resource, active: int) -> Outcome | None:
    """Success by number, once no pod is active any more."""
    enough, status = terms.completions(job), job.status
    if active or (not status.succeeded if enough is None else status.succeeded < enough):
        return None
    return Outcome("Complete", "CompletionsReached", "Reached expected number of succeeded pods")


def deadline_us(job: Resource) -> int | None:
    """When a job has been active for `activeDeadlineSeconds`; None where it has no deadline or has not started."""
    limit, status = job.spec.active_deadline_seconds, job.status
    return None if limit is None or status.started_us is None else int(status.started_us + limit * SECOND_US)


def _restarted_too_often(world: World, job: Resource) -> bool:
    """Restarts of containers of active pods count as failures where pods are restarted in place."""
    if job.spec.template.spec.restart_policy != "OnFailure":
        return False
    restarts = sum(pod.status.restarts for pod in world.store.owned(job.key) if not pods.ended(pod))
    return bool(restarts >= max(1, terms.back_off_limit(job)))


def _indexes_failed(job: Resource) -> Outcome | None:
    status: JobStatus = job.status
    failed, most = len(status.failed_indexes), job.spec.max_failed_indexes
    if most is not None and failed > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Outcome("Failed", "MaxFailedIndexesExceeded", message)
    if failed and failed + len(status.done) >= (terms.completions(job) or 0):
        return Outcome("Failed", "FailedIndexes", "Job has failed indexes")
    return None


def _succeeded_early(job: Resource) -> Outcome | None:
    """Some indexes, or some number of them, may be enough."""
    done = job.status.done
    for at, rule in enumerate(job.spec.success_policy.rules if job.spec.success_policy and done else ()):
        if _is_met(rule, done, terms.completions(job) or 0):
            return Outcome("Complete", "SuccessPolicy", f"Matched rules at index {at}")
    return None


def _is_met(rule: SuccessRule, done: frozenset[int], completions: int) -> bool:
    if rule.succeeded_indexes is None:
        return len(done) >= (rule.succeeded_count or 0)
    asked = index_spans.parse(rule.succeeded_indexes, completions)
    return asked <= done or (rule.succeeded_count is not None and len(asked & done) >= rule.succeeded_count)
