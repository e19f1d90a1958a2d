"""Rules that are only there to be read: those of the kubernetes-mixin about workloads, jobs, autoscalers and budgets.

Source: github.com/kubernetes-monitoring/kubernetes-mixin, alerts/apps_alerts.libsonnet, with its `for`, severities and
labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from stratus_sim.cluster.eviction import disruption
from stratus_sim.cluster.objects import Resource, node_key
from stratus_sim.cluster.selectors import matching
from stratus_sim.cluster.workloads import progress
from stratus_sim.cluster.workloads.autoscaler import limits
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts.rules import Symptom, alert_rule

if TYPE_CHECKING:
    from stratus_sim.world import World

MINUTE_US = 60 * SECOND_US
_LONG_JOB_US = 12 * 60 * MINUTE_US


@alert_rule(
    "KubeDeploymentRolloutStuck",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="deployment",
    summary="The rollout of Deployment {namespace}/{deployment} makes no progress: {reason}.",
)
def rollouts_stuck(world: World) -> Iterator[Symptom]:
    for deployment in world.store.list("Deployment"):
        if deployment.status.progress == progress.EXCEEDED:
            holds = (("condition", "Progressing"), ("reason", progress.EXCEEDED), ("status", "false"))
            yield Symptom(deployment.key.namespace, deployment.key.name, deployment.status.progress_us, holds)


@alert_rule(
    "KubeStatefulSetReplicasMismatch",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="statefulset",
    summary="StatefulSet {namespace}/{statefulset} has fewer ready replicas than it asks for.",
)
def stateful_replicas_missing(world: World) -> Iterator[Symptom]:
    """Since the first of its pods that are there became unready, and nothing has come for ten minutes; one that has no
    pods is not told apart from a new one."""
    for found in world.store.list("StatefulSet"):
        pods = _pods(world, found)
        unready = [pod.status.since_us for pod in pods if not pod.status.ready]
        if unready and found.status.ready < wanted(found):
            yield from _settled(world, found, min(unready), _moved_us(pods) + 10 * MINUTE_US)


def _pods(world: World, owner: Resource) -> list[Resource]:
    return [pod for pod in world.store.owned(owner.key) if pod.key.kind == "Pod"]


def _moved_us(pods: Iterable[Resource]) -> int:
    """When the latest of the pods that are there came, or was told to go."""
    return max((max(pod.created_us, pod.deleted_us if pod.deleting else 0) for pod in pods), default=0)


def _settled(world: World, owner: Resource, since_us: int, still_us: int) -> Iterator[Symptom]:
    """The rules of sets wait until so long nothing has moved."""
    if still_us <= world.now_us:
        yield Symptom(owner.key.namespace, owner.key.name, max(since_us, still_us))


@alert_rule(
    "KubeDaemonSetRolloutStuck",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="daemonset",
    summary="DaemonSet {namespace}/{daemonset} is not available on every node that wants it.",
)
def daemon_pods_missing(world: World) -> Iterator[Symptom]:
    """Since the first of its pods that are there became unready, or the first of their nodes was lost: a node no pod
    should go to has one too many. And nothing has come or been lost for five minutes."""
    for found in world.store.list("DaemonSet"):
        pods = _pods(world, found)
        lost = [node.status.since_us for node in map(partial(_host, world), pods) if node and not node.status.ready]
        unready = [pod.status.since_us for pod in pods if not pod.status.ready]
        if (unready and found.status.available < found.status.wanted) or (lost and found.status.misscheduled):
            still_us = max([_moved_us(pods), *lost]) + 5 * MINUTE_US
            yield from _settled(world, found, min([*unready, *lost]), still_us)


def _host(world: World, pod: Resource) -> Resource | None:
    return world.store.get(node_key(pod.status.node))


@alert_rule(
    "KubePdbNotEnoughHealthyPods",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="poddisruptionbudget",
    summary="PodDisruptionBudget {namespace}/{poddisruptionbudget} lacks {value:.0f} healthy pods.",
)
def budgets_overdrawn(world: World) -> Iterator[Symptom]:
    """Since the pod that was one too many became unready; where some are not there at all, since the first did."""
    for budget in world.store.list("PodDisruptionBudget"):
        counts, selector = disruption(world, budget), budget.spec.selector
        missing = counts.desired - counts.healthy
        if missing <= 0 or selector is None:
            continue
        covered = matching(world, budget.key.namespace, selector)
        unready = sorted(pod.status.since_us for pod in covered if not pod.status.ready)
        since_us = unready[max(0, len(unready) - missing)] if unready else budget.created_us
        yield Symptom(budget.key.namespace, budget.key.name, since_us, value=missing)


@alert_rule(
    "KubeJobFailed",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="job_name",
    summary="Job {namespace}/{job_name} has failed.",
)
def jobs_failed(world: World) -> Iterator[Symptom]:
    for job in world.store.list("Job"):
        if job.status.finished == "Failed":
            yield Symptom(job.key.namespace, job.key.name, job.status.finished_us, (("condition", "true"),))


@alert_rule(
    "KubeJobNotCompleted",
    for_us=0,
    severity="warning",
    label="job_name",
    summary="Job {namespace}/{job_name} takes longer than 12 hours.",
)
def jobs_not_completed(world: World) -> Iterator[Symptom]:
    for job in world.store.list("Job"):
        started_us = job.status.started_us
        if job.status.active and started_us is not None and world.now_us - started_us > _LONG_JOB_US:
            yield Symptom(job.key.namespace, job.key.name, started_us + _LONG_JOB_US)


@alert_rule(
    "KubeHpaMaxedOut",
    for_us=15 * MINUTE_US,
    severity="warning",
    label="horizontalpodautoscaler",
    summary="HorizontalPodAutoscaler {namespace}/{horizontalpodautoscaler} is at its maximum of {value:.0f} replicas.",
)
def autoscalers_maxed_out(world: World) -> Iterator[Symptom]:
    for found in world.store.list("HorizontalPodAutoscaler"):
        status = found.status
        low, high = limits(found)
        if status is not None and status.current == high != low:
            since_us = found.created_us if status.last_scale_us is None else status.last_scale_us
            yield Symptom(found.key.namespace, found.key.name, since_us, value=high)
