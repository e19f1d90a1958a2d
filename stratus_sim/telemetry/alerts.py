"""Alert rules, evaluated on demand: an alert fires when its condition has held for the rule's `for`.

Names and durations follow the kubernetes-mixin and the rules deployed with SRE benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application import epochs
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World

Symptom = tuple[str, str, int]
"""Namespace, subject, and the time in microseconds since which the condition has held."""


class Rule(NamedTuple):
    """An alert rule: `find(world)` yields what is wrong now and since when."""

    name: str
    for_us: int
    severity: str
    find: Callable[[World], Iterator[Symptom]]


class Alert(NamedTuple):
    """A firing alert; `since_us` is when its condition began."""

    name: str
    namespace: str
    subject: str
    severity: str
    since_us: int


def firing(world: World) -> list[Alert]:
    """The alerts firing now, in order of rule and subject."""
    return [
        Alert(rule.name, namespace, subject, rule.severity, since_us)
        for rule in RULES
        for namespace, subject, since_us in sorted(rule.find(world))
        if world.now_us - since_us >= rule.for_us
    ]


def _pods_not_ready(world: World) -> Iterator[Symptom]:
    for pod in world.store.list("Pod"):
        if not pod.status.ready and not pod.deleting and not _runs_a_job(pod):
            yield pod.key.namespace, pod.key.name, pod.status.since_us


def _runs_a_job(pod: Resource) -> bool:
    """The rule leaves out pods of Jobs, and those that have ended well."""
    return pod.status.phase == "Succeeded" or (pod.owner is not None and pod.owner.kind == "Job")


def _replicas_missing(world: World) -> Iterator[Symptom]:
    for deployment in world.store.list("Deployment"):
        if deployment.status.ready < wanted(deployment):
            yield deployment.key.namespace, deployment.key.name, deployment.status.since_us


def _nodes_not_ready(world: World) -> Iterator[Symptom]:
    for node in world.store.list("Node"):
        if not node.status.ready:
            yield "", node.key.name, node.status.since_us


def _erring(world: World) -> Iterator[Symptom]:
    epochs.current(world)
    yield from (_workload_symptom(name, since) for name, since in world.traffic.erring.items())


def _slow(world: World) -> Iterator[Symptom]:
    yield from (_workload_symptom(name, since) for name, since in world.traffic.slow.items())


def _workload_symptom(workload: str, since_us: int) -> Symptom:
    namespace, _, name = workload.partition("/")
    return namespace, name, since_us


RULES = (
    Rule("KubePodNotReady", 60 * SECOND_US, "warning", _pods_not_ready),
    Rule("KubeDeploymentReplicasMismatch", 60 * SECOND_US, "warning", _replicas_missing),
    Rule("KubeNodeNotReady", 30 * SECOND_US, "critical", _nodes_not_ready),
    Rule("HighRequestErrorRate", 60 * SECOND_US, "critical", _erring),
    Rule("HighRequestLatency", 60 * SECOND_US, "warning", _slow),
)
