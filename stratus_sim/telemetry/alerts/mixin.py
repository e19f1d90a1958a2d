"""Rules that are only there to be read: those of the kubernetes-mixin whose condition the model has.

Source: github.com/kubernetes-monitoring/kubernetes-mixin, alerts/apps_alerts.libsonnet, resource_alerts.libsonnet and
kubelet.libsonnet, with their `for` and severities. Volumes do not fill up here, so nothing warns of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.throttling import throttled_us
from stratus_sim.cluster import container_status
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_millicores
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.cluster.workloads import progress
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts.rules import Symptom, alert_rule
from stratus_sim.telemetry.targets import down_since, is_target

if TYPE_CHECKING:
    from stratus_sim.world import World

_MINUTE_US = 60 * SECOND_US
_LOOK_BACK_US = 5 * _MINUTE_US
_LONG_JOB_US = 12 * 60 * _MINUTE_US
_DOWN_PERCENT = 10
_LOOPING = "CrashLoopBackOff"


@alert_rule("KubePodCrashLooping", for_us=15 * _MINUTE_US, severity="warning", label="pod")
def crash_looping(world: World) -> Iterator[Symptom]:
    """A container waits to be started again, or has done so within five minutes."""
    for pod in world.store.list("Pod"):
        looping = (
            [found for found in _containers(pod) if _loops(world, found[1])] if pod.status.last_termination else []
        )
        if looping:
            yield pod.key.namespace, pod.key.name, min(_looping_since(world, pod, *found) for found in looping)


def _containers(pod: Resource) -> list[tuple[str, ContainerStatus]]:
    return [(c.name, container_status.of(pod, at)) for at, c in enumerate(container_status.all_of(pod.spec))]


def _loops(world: World, one: ContainerStatus) -> bool:
    """The first restart waits for nothing, so one failure is none."""
    ran_on = one.state == "running" and world.now_us - one.started_us >= _LOOK_BACK_US
    return one.reason == _LOOPING or (one.failures > 1 and not ran_on and one.state != "terminated")


def _looping_since(world: World, pod: Resource, container: str, one: ContainerStatus) -> int:
    """The first wait if it has never run well since, else when the pod was last ready."""
    said = f"restarting failed container {container} "
    waits = [e.first_us for e in world.cluster.events.values() if e.involved == pod.key and said in e.message]
    one_streak = one.failures == one.restarts + (one.reason == _LOOPING)
    return min(waits, default=pod.status.since_us) if one_streak else int(pod.status.since_us)


@alert_rule("KubeContainerWaiting", for_us=60 * _MINUTE_US, severity="warning", label="pod")
def containers_waiting(world: World) -> Iterator[Symptom]:
    """A container waits for anything but its back-off, since it ended or the pod came."""
    for pod in world.store.list("Pod"):
        if pod.status.node and pod.status.state == "waiting":
            waiting = [one for _, one in _containers(pod) if one.state == "waiting" and one.reason != _LOOPING]
            if waiting:
                since_us = min(one.ended_us or pod.status.since_us for one in waiting)
                yield pod.key.namespace, pod.key.name, since_us


@alert_rule("KubeDeploymentRolloutStuck", for_us=15 * _MINUTE_US, severity="warning", label="deployment")
def rollouts_stuck(world: World) -> Iterator[Symptom]:
    for deployment in world.store.list("Deployment"):
        if deployment.status.progress == progress.EXCEEDED:
            yield deployment.key.namespace, deployment.key.name, deployment.status.progress_us


@alert_rule("KubeStatefulSetReplicasMismatch", for_us=15 * _MINUTE_US, severity="warning", label="statefulset")
def stateful_replicas_missing(world: World) -> Iterator[Symptom]:
    """Since the first of its pods that are there became unready; one that has none is not told apart from a new one."""
    for found in world.store.list("StatefulSet"):
        unready = [pod.status.since_us for pod in world.store.owned(found.key) if _is_unready(pod)]
        if unready and found.status.ready < wanted(found):
            yield found.key.namespace, found.key.name, min(unready)


def _is_unready(pod: Resource) -> bool:
    return pod.key.kind == "Pod" and not pod.status.ready


@alert_rule("KubeJobFailed", for_us=15 * _MINUTE_US, severity="warning", label="job_name")
def jobs_failed(world: World) -> Iterator[Symptom]:
    for job in world.store.list("Job"):
        if job.status.finished == "Failed":
            yield job.key.namespace, job.key.name, job.status.finished_us


@alert_rule("KubeJobNotCompleted", for_us=0, severity="warning", label="job_name")
def jobs_not_completed(world: World) -> Iterator[Symptom]:
    for job in world.store.list("Job"):
        started_us = job.status.started_us
        if job.status.active and started_us is not None and world.now_us - started_us > _LONG_JOB_US:
            yield job.key.namespace, job.key.name, started_us + _LONG_JOB_US


@alert_rule("KubeHpaMaxedOut", for_us=15 * _MINUTE_US, severity="warning", label="horizontalpodautoscaler")
def autoscalers_maxed_out(world: World) -> Iterator[Symptom]:
    for found in world.store.list("HorizontalPodAutoscaler"):
        status = found.status
        if status is not None and status.current == found.spec.max_replicas:
            since_us = found.created_us if status.last_scale_us is None else status.last_scale_us
            yield found.key.namespace, found.key.name, since_us


@alert_rule("KubeNodeUnreachable", for_us=15 * _MINUTE_US, severity="warning", label="node")
def nodes_unreachable(world: World) -> Iterator[Symptom]:
    for node in world.store.list("Node"):
        if not node.status.ready:
            yield "", node.key.name, node.status.since_us


@alert_rule("TargetDown", for_us=10 * _MINUTE_US, severity="warning")
def targets_down(world: World) -> Iterator[Symptom]:
    """More than a tenth of a Service's targets cannot be scraped, since the one too many could not."""
    down: dict[ObjectKey, list[int]] = {}
    for pod in filter(is_target, world.store.list("Pod")):
        if (since_us := down_since(world, pod)) is not None:
            for service in world.store.selecting(pod):
                down.setdefault(service, []).append(since_us)
    for service, since in down.items():
        tolerated = _targets(world, service) * _DOWN_PERCENT // 100
        if len(since) > tolerated:
            yield service.namespace, service.name, sorted(since)[tolerated]


def _targets(world: World, service: ObjectKey) -> int:
    selector = world.store.state.objects[service].spec.selector
    return sum(map(is_target, world.store.selected(service.namespace, selector)))


@alert_rule("CPUThrottlingHigh", for_us=15 * _MINUTE_US, severity="info", label="pod")
def cpu_throttled(world: World) -> Iterator[Symptom]:
    """Each request of the serving container is throttled at least once, half of its periods, since it serves."""
    flows, known = epochs.current(world), world.application.workloads
    for pod in filter(serving, world.store.list("Pod")):
        owner = root_owner(world, pod)
        workload = known.get(f"{owner.namespace}/{owner.name}") if owner is not None else None
        if workload is None or not flows.workloads[workload.key].rate:
            continue
        if throttled_us(workload.cpu_us_per_request, limit_millicores(pod.spec, workload.container)):
            yield pod.key.namespace, pod.key.name, pod.status.since_us
