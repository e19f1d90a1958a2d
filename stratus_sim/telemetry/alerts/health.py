"""The rules severity counts: is what should run there and ready, and do requests fare well.

Names follow the kubernetes-mixin, durations the rules deployed with SRE benchmarks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts.rules import Symptom, alert_rule

if TYPE_CHECKING:
    from stratus_sim.world import World


@alert_rule("KubePodNotReady", for_us=60 * SECOND_US, severity="warning", label="pod", counts=True)
def pods_not_ready(world: World) -> Iterator[Symptom]:
    for pod in world.store.list("Pod"):
        if not pod.status.ready and not pod.deleting and not _runs_a_job(pod):
            yield Symptom(pod.key.namespace, pod.key.name, pod.status.since_us)


def _runs_a_job(pod: Resource) -> bool:
    """The rule leaves out pods of Jobs, and those that have ended well."""
    return pod.status.phase == "Succeeded" or (pod.owner is not None and pod.owner.kind == "Job")


@alert_rule(
    "KubeDeploymentReplicasMismatch", for_us=60 * SECOND_US, severity="warning", label="deployment", counts=True
)
def replicas_missing(world: World) -> Iterator[Symptom]:
    for deployment in world.store.list("Deployment"):
        if deployment.status.ready < wanted(deployment):
            yield Symptom(deployment.key.namespace, deployment.key.name, deployment.status.since_us)


@alert_rule("KubeNodeNotReady", for_us=30 * SECOND_US, severity="critical", label="node", counts=True)
def nodes_not_ready(world: World) -> Iterator[Symptom]:
    for node in world.store.list("Node"):
        if not node.status.ready:
            yield Symptom("", node.key.name, node.status.since_us)


@alert_rule("HighRequestErrorRate", for_us=60 * SECOND_US, severity="critical", counts=True)
def erring(world: World) -> Iterator[Symptom]:
    epochs.current(world)
    yield from (_workload_symptom(name, since) for name, since in world.traffic.erring.items())


@alert_rule("HighRequestLatency", for_us=60 * SECOND_US, severity="warning", counts=True)
def slow(world: World) -> Iterator[Symptom]:
    yield from (_workload_symptom(name, since) for name, since in world.traffic.slow.items())


def _workload_symptom(workload: str, since_us: int) -> Symptom:
    namespace, _, name = workload.partition("/")
    return Symptom(namespace, name, since_us)
