"""What an autoscaler reads: resource use of a workload's pods against its target.

Follows kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale ("How does a HorizontalPodAutoscaler work?");
values are those of the metrics.k8s.io API, as the processes in the pods have them now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.specs import container_request
from stratus_sim.cluster.workloads.scaling import Reading
from stratus_sim.manifests import quantity
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.manifests.workload_shapes import Metric, MetricTarget, ResourceMetric

if TYPE_CHECKING:
    from stratus_sim.world import World


class Unmeasured(Exception):
    """A metric without a value; the message is what the controller would say."""


def name_of(metric: Metric) -> str:
    """What the controller calls a metric with a value in its events."""
    source = source_of(metric)
    if source is None:
        return metric.type
    where = "container resource" if metric.type == "ContainerResource" else "resource"
    share = " utilization (percentage of request)" if source.target.type == "Utilization" else ""
    return f"{source.name} {where}{share}"


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


def measure(world: World, target: Resource, metric: Metric) -> tuple[int, Reading, Reading]:
    """(the metric's target, the mean over ready pods, the mean over all pods with idle ones for those not ready).

    Percent for Utilization, else millicores or MiB.

    Raises:
        Unmeasured: there is no value.
    """
    source = source_of(metric)
    if source is None or source.name not in ("cpu", "memory"):
        raise Unmeasured(_unserved(metric, target.key.namespace))
    active = [pod for pod in pods_of(world, target) if pods.active(pod)]
    ready = [pod for pod in active if pod.status.ready]
    if not ready:
        problem = "did not receive metrics for targeted pods (pods might be unready)"
        raise Unmeasured(f"failed to get {source.name} {_kind(source)}: {problem}")
    used = sum(_use(world, pod, source) for pod in ready)
    return _goal(source), _reading(source, used, ready), _reading(source, used, active)


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


def _reading(source: ResourceMetric, used: int, counted: list[Resource]) -> Reading:
    if source.target.type != "Utilization":
        return Reading(used // len(counted), len(counted))
    requested = sum(_requested(pod, source) for pod in counted)
    return Reading(100 * used // max(1, requested), len(counted))


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
    if source.name == "memory":
        return sum(world.processes.memory_mib(workload, c.name) for c in _containers(pod, source))
    return sum(world.processes.cpu_millicores(world, pod, c.name) for c in _containers(pod, source))
