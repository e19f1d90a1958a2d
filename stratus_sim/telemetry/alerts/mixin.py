"""Rules that are only there to be read: those of the kubernetes-mixin about containers, nodes and targets.

Source: github.com/kubernetes-monitoring/kubernetes-mixin, alerts/apps_alerts.libsonnet, resource_alerts.libsonnet and
kubelet.libsonnet, with their `for`, severities and labels; none of them looks at init containers. Volumes do not fill
up here, so nothing warns of it. A pod that is gone takes its alerts with it at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stratus_sim.application import epochs
from stratus_sim.application.throttling import throttled_us
from stratus_sim.application.usage import overrun_since_us
from stratus_sim.cluster import container_status
from stratus_sim.cluster.endpoints import serving
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_millicores
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Workload
from stratus_sim.telemetry.alerts.rules import Labels, Symptom, alert_rule
from stratus_sim.telemetry.render_pods import starting
from stratus_sim.telemetry.targets import down_since, is_target

if TYPE_CHECKING:
    from stratus_sim.world import World

_MINUTE_US = 60 * SECOND_US
_LOOK_BACK_US = 5 * _MINUTE_US
_DOWN_PERCENT = 10
_THROTTLED_PART = 4
_LOOPING = "CrashLoopBackOff"
_BY_TURNS = ("ErrImagePull", "ImagePullBackOff")
_UNREACHABLE = (("effect", "NoSchedule"), ("key", "node.kubernetes.io/unreachable"))


@alert_rule(
    "KubePodCrashLooping",
    for_us=15 * _MINUTE_US,
    severity="warning",
    label="pod",
    summary="Container {container} of pod {namespace}/{pod} is waiting: {reason}.",
)
def crash_looping(world: World) -> Iterator[Symptom]:
    """A container waits to be started again, or has done so within five minutes."""
    for pod in world.store.list("Pod"):
        for name, one in _containers(pod) if pod.status.last_termination else ():
            if _loops(world, one):
                since_us = _looping_since(world, pod, name, one)
                yield Symptom(pod.key.namespace, pod.key.name, since_us, _waits(pod, name, _LOOPING))


def _waits(pod: Resource, container: str, reason: str) -> Labels:
    return ("container", container), ("reason", reason), ("uid", uuid_of(pod.uid))


def _containers(pod: Resource) -> list[tuple[str, ContainerStatus]]:
    first = container_status.inits(pod.spec)
    return [(c.name, container_status.of(pod, first + nth)) for nth, c in enumerate(pod.spec.containers)]


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


@alert_rule(
    "KubeContainerWaiting",
    for_us=60 * _MINUTE_US,
    severity="warning",
    label="pod",
    summary="Container {container} of pod {namespace}/{pod} is waiting: {reason}.",
)
def containers_waiting(world: World) -> Iterator[Symptom]:
    """A container waits for anything but its back-off, since it ended or the pod came."""
    for pod in world.store.list("Pod"):
        if pod.status.node and pod.status.state == "waiting":
            for name, one in _containers(pod):
                if one.state == "waiting" and one.reason != _LOOPING:
                    why = one.reason or starting(pod)
                    yield Symptom(
                        pod.key.namespace, pod.key.name, _waiting_since(world, pod, one), _waits(pod, name, why)
                    )


def _waiting_since(world: World, pod: Resource, one: ContainerStatus) -> int:
    """Another reason is another alert: after a pull that fails a container waits for one thing, then for another."""
    said = world.events[(pod.key, "Failed", f"Error: {one.reason}")] if one.reason in _BY_TURNS else None
    return said.last_us if said is not None else one.ended_us or int(pod.status.since_us)


@alert_rule(
    "KubeNodeUnreachable",
    for_us=15 * _MINUTE_US,
    severity="warning",
    label="node",
    summary="Node {node} is unreachable; its workloads may be moved.",
)
def nodes_unreachable(world: World) -> Iterator[Symptom]:
    for node in world.store.list("Node"):
        if not node.status.ready:
            yield Symptom("", node.key.name, node.status.since_us, _UNREACHABLE)


@alert_rule(
    "TargetDown",
    for_us=10 * _MINUTE_US,
    severity="warning",
    summary="{value:.3g}% of the targets of {namespace}/{service} are down.",
)
def targets_down(world: World) -> Iterator[Symptom]:
    """More than a tenth of a Service's targets cannot be scraped, since the one too many could not."""
    down: dict[ObjectKey, list[int]] = {}
    for pod in filter(is_target, world.store.list("Pod")):
        if (since_us := down_since(world, pod)) is not None:
            for service in world.store.selecting(pod):
                down.setdefault(service, []).append(since_us)
    for service, since in down.items():
        every = _targets(world, service)
        tolerated = every * _DOWN_PERCENT // 100
        if len(since) > tolerated:
            share = 100 * len(since) / every
            yield Symptom(service.namespace, service.name, sorted(since)[tolerated], value=share)


def _targets(world: World, service: ObjectKey) -> int:
    selector = world.store.state.objects[service].spec.selector
    return sum(map(is_target, world.store.selected(service.namespace, selector)))


@alert_rule(
    "CPUThrottlingHigh",
    for_us=15 * _MINUTE_US,
    severity="info",
    label="pod",
    summary="CPU of container {container} of pod {namespace}/{pod} is throttled.",
)
def cpu_throttled(world: World) -> Iterator[Symptom]:
    """More than a quarter of the periods of the last five minutes, for a container that serves."""
    flows, known = epochs.current(world), world.application.workloads
    for pod in filter(serving, world.store.list("Pod")):
        owner = root_owner(world, pod)
        workload = known.get(f"{owner.namespace}/{owner.name}") if owner is not None else None
        if workload is None or not flows.workloads[workload.key].rate:
            continue
        since_us = _throttled_since(world, workload, pod)
        if since_us is not None and since_us <= world.now_us:
            yield Symptom(pod.key.namespace, pod.key.name, since_us, (("container", workload.container),))


def _throttled_since(world: World, workload: Workload, pod: Resource) -> int | None:
    """Since it serves, where each request is throttled at least once and so half of the periods or more; else since it
    has had too much to do for long enough, every period of which is one too many."""
    limit, since_us = limit_millicores(pod.spec, workload.container), int(pod.status.since_us)
    if throttled_us(workload.cpu_us_per_request, limit):
        return since_us
    full_us = overrun_since_us(world, workload.key, pod) if limit is not None else None
    if full_us is None:
        return None
    return max(since_us, full_us) + _LOOK_BACK_US // _THROTTLED_PART
