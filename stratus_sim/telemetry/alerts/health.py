"""The rules severity counts: is what should run there and ready, and do requests fare well.

Names follow the kubernetes-mixin, durations the rules deployed with SRE benchmarks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.flow import EntryFlow, WorkloadFlow
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts.rules import Symptom, alert_rule

if TYPE_CHECKING:
    from stratus_sim.world import World


@alert_rule(
    "KubePodNotReady",
    for_us=60 * SECOND_US,
    severity="warning",
    label="pod",
    counts=True,
    summary="Pod {namespace}/{pod} is not ready.",
)
def pods_not_ready(world: World) -> Iterator[Symptom]:
    for pod in world.store.list("Pod"):
        if not pod.status.ready and not pod.deleting and not _runs_a_job(pod):
            yield Symptom(pod.key.namespace, pod.key.name, pod.status.since_us)


def _runs_a_job(pod: Resource) -> bool:
    """The rule leaves out pods of Jobs, and those that have ended well."""
    return pod.status.phase == "Succeeded" or (pod.owner is not None and pod.owner.kind == "Job")


@alert_rule(
    "KubeDeploymentReplicasMismatch",
    for_us=60 * SECOND_US,
    severity="warning",
    label="deployment",
    counts=True,
    summary="Deployment {namespace}/{deployment} has fewer ready replicas than it asks for.",
)
def replicas_missing(world: World) -> Iterator[Symptom]:
    """Since there are too few, however many of them there are by now."""
    for deployment in world.store.list("Deployment"):
        if deployment.status.ready < wanted(deployment):
            yield Symptom(deployment.key.namespace, deployment.key.name, deployment.status.short_us)


@alert_rule(
    "KubeNodeNotReady",
    for_us=30 * SECOND_US,
    severity="critical",
    label="node",
    counts=True,
    summary="Node {node} is not ready.",
)
def nodes_not_ready(world: World) -> Iterator[Symptom]:
    for node in world.store.list("Node"):
        if not node.status.ready:
            yield Symptom("", node.key.name, node.status.since_us)


@alert_rule(
    "HighRequestErrorRate",
    for_us=60 * SECOND_US,
    severity="critical",
    counts=True,
    summary="{value:.0%} of the requests to {namespace}/{service} fail.",
)
def erring(world: World) -> Iterator[Symptom]:
    for name, since_us in world.traffic.erring.items():
        yield _traffic_symptom(name, since_us, 1 - _flow(world, name).success_permille / 1000)


@alert_rule(
    "HighRequestLatency",
    for_us=60 * SECOND_US,
    severity="warning",
    counts=True,
    summary="Requests to {namespace}/{service} take {value:.3g} s in the mean.",
)
def slow(world: World) -> Iterator[Symptom]:
    for name, since_us in world.traffic.slow.items():
        yield _traffic_symptom(name, since_us, _flow(world, name).latency_us / SECOND_US)


def _flow(world: World, name: str) -> WorkloadFlow | EntryFlow:
    """The flow of a workload, or of users at the Service they enter by where no workload is called so."""
    flows = epochs.current(world)
    return flows.workloads.get(name) or next(entry for entry in flows.entries if entry.service == name)


def _traffic_symptom(key: str, since_us: int, value: float) -> Symptom:
    namespace, _, name = key.partition("/")
    return Symptom(namespace, name, since_us, value=value)
