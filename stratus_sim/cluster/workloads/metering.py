"""What an autoscaler reads: resource use of a workload's pods against its target.

Follows kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale ("How does a HorizontalPodAutoscaler work?",
"Algorithm details") and the replica calculator of Kubernetes 1.33; values are those of the metrics.k8s.io API, as the
processes in the pods have them now. A pod whose containers do not all run has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import container_status, pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.specs import container_request
from stratus_sim.cluster.workloads.scaling import Measured, Usage
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests import quantity
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.manifests.workload_shapes import Metric, MetricTarget, ResourceMetric

if TYPE_CHECKING:
    from stratus_sim.world import World


INITIALIZATION_US = 300 * SECOND_US
"""For so long after its start a pod that is not ready does not count for CPU (`--horizontal-pod-autoscaler-cpu-
initialization-period`)."""
_INITIAL_READINESS_US = 30 * SECOND_US
"""A pod that has changed its readiness no later than so long after its start was never ready."""


class Unmeasured(Exception):
    """A metric without a value; the message is what the controller would say."""


def name_of(metric: Metric) -> str:
    """What the controller calls a metric with a value in its events."""
    source = source_of(metric)
    if source is None:
        return metric.type
    if source.target.type != "Utilization":
        return f"{source.name} resource"
    where = "container resource" if metric.type == "ContainerResource" else "resource"
    return f"{source.name} {where} utilization (percentage of request)"


def wrapped(metric: Metric, problem: str) -> str:
    """How the controller passes on that a metric has no value."""
    source = source_of(metric)
    if source is not None:
        container = metric.type == "ContainerResource"
        what = f"{source.container or ''} container" if container else f"{source.name} resource"
    else:
        what = f"{metric.external.metric.name} external" if metric.external else metric.type.lower()
    return f"failed to get {what} metric value: {problem}"


def source_of(metric: Metric) -> ResourceMetric | None:
    """What a Resource or ContainerResource metric reads; None for one no API here serves."""
    if metric.type not in ("Resource", "ContainerResource"):
        return None
    return metric.container_resource if metric.type == "ContainerResource" else metric.resource


def _unserved(metric: Metric, namespace: str) -> str:
    found = metric.pods or metric.object or metric.external
    name = found.metric.name if found is not None else ""
    kind, named = (
        ("external", f"external metric {namespace}/{name}/nil") if metric.external else ("custom", f"metric {name}")
    )
    problem = f"no {kind} metrics API ({kind}.metrics.k8s.io) registered"
    return f"unable to get {named}: unable to fetch metrics from {kind} metrics API: {problem}"


def measure(world: World, target: Resource, metric: Metric) -> Measured:
    """A metric over the pods of a workload.

    Raises:
        Unmeasured: there is no value.
    """
    source = source_of(metric)
    if source is None or source.name not in ("cpu", "memory"):
        raise Unmeasured(_unserved(metric, target.key.namespace))
    groups: dict[str, list[Resource]] = {"ready": [], "unready": [], "pending": [], "missing": []}
    for pod in pods_of(world, target):
        if pods.active(pod):
            groups[_group(world, pod, source.name)].append(pod)
    if not groups["ready"]:
        seen = "did not receive metrics for targeted pods (pods might be unready)"
        none = f"unable to get metrics for resource {source.name}: no metrics returned from resource metrics API"
        raise Unmeasured(f"failed to get {source.name} {_kind(source)}: {seen if groups['unready'] else none}")
    ready, missing = _usage(world, groups["ready"], source), _usage(world, groups["missing"], source)
    unready = _usage(world, [*groups["unready"], *groups["pending"]], source)
    return Measured(_goal(source), source.target.type == "Utilization", ready, unready, missing)


def _group(world: World, pod: Resource, resource: str) -> str:
    first, each = container_status.inits(pod.spec), pod.status.containers or (pod.status,)
    if pod.status.phase == "Pending":
        return "pending"
    if any(one.state != "running" for one in each[first:]):
        return "missing"
    return "unready" if resource == "cpu" and _warming_up(world, pod) else "ready"


def _warming_up(world: World, pod: Resource) -> bool:
    """Whether what a pod uses of the CPU says nothing yet: it is not ready, and has just started or never was."""
    if pod.status.ready:
        return False
    young = world.now_us - pod.created_us < INITIALIZATION_US
    return young or bool(pod.status.since_us - pod.created_us < _INITIAL_READINESS_US)


def counts_from_us(world: World, target: Resource) -> int | None:
    """When a pod that is not ready any more counts all the same, None where there is none."""
    found = [pod for pod in pods_of(world, target) if pods.active(pod) and not pod.status.ready]
    later = [pod.created_us + INITIALIZATION_US for pod in found if _group(world, pod, "cpu") == "unready"]
    return min((at for at in later if at > world.now_us), default=None)


def _usage(world: World, found: list[Resource], source: ResourceMetric) -> Usage:
    requested = sum(_requested(pod, source) for pod in found) if source.target.type == "Utilization" else 0
    return Usage(len(found), sum(_use(world, pod, source) for pod in found), requested)


def pods_of(world: World, workload: Resource) -> list[Resource]:
    """The pods of a workload, its own or those of its ReplicaSets."""
    owned = world.store.owned(workload.key)
    sets = [pod for found in owned if found.key.kind == "ReplicaSet" for pod in world.store.owned(found.key)]
    return [pod for pod in (*owned, *sets) if pod.key.kind == "Pod"]


def _kind(source: ResourceMetric) -> str:
    return "utilization" if source.target.type == "Utilization" else "usage"


def _goal(source: ResourceMetric) -> int:
    target: MetricTarget = source.target
    if target.type == "Utilization":
        return target.average_utilization or 80
    value: Any = target.average_value if target.average_value is not None else 1
    return max(1, quantity.millicores(value) if source.name == "cpu" else quantity.mib(value))


def _containers(pod: Resource, source: ResourceMetric) -> list[Container]:
    return [c for c in pod.spec.containers if source.container in (None, c.name)]


def _requested(pod: Resource, source: ResourceMetric) -> int:
    total = 0
    for container in _containers(pod, source):
        request = container_request(container, source.name)
        if request is None:
            raise Unmeasured(
                f"failed to get {source.name} utilization: missing request for {source.name} in container"
                f" {container.name} of Pod {pod.key.name}"
            )
        total += request
    return total


def _use(world: World, pod: Resource, source: ResourceMetric) -> int:
    workload = pods.root_owner(world, pod)
    if source.name == "cpu" and not pod.status.ready:
        return 0
    if source.name == "memory":
        return sum(world.processes.memory_mib(workload, c.name) for c in _containers(pod, source))
    return sum(world.processes.cpu_millicores(world, pod, c.name) for c in _containers(pod, source))
