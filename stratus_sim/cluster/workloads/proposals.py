"""What each metric of an autoscaler calls for, or why it has no value.

Follows kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale ("Algorithm details"); the words are those of
the controller of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.workloads import scaling
from stratus_sim.cluster.workloads.bounds import wanted
from stratus_sim.cluster.workloads.metering import Unmeasured, measure, name_of, wrapped
from stratus_sim.manifests.workload_shapes import Metric, MetricTarget, ResourceMetric

if TYPE_CHECKING:
    from stratus_sim.world import World

_DEFAULT = Metric("Resource", ResourceMetric("cpu", MetricTarget("Utilization", 80)))


def metrics_of(found: Resource) -> list[Metric]:
    """The metrics of an autoscaler; 80 % of requested CPU where it names none."""
    spec = found.spec
    if spec.target_cpu_utilization_percentage is not None:
        target = MetricTarget("Utilization", spec.target_cpu_utilization_percentage)
        return [Metric("Resource", ResourceMetric("cpu", target))]
    return spec.metrics or [_DEFAULT]


class Failure(NamedTuple):
    """Why a metric has no value: the reason of the event, what it says, and what is said of it further up."""

    reason: str
    problem: str
    told: str


class Readings(NamedTuple):
    """The value of each metric, None where it has none; (replicas, name) of those that have one; why others do not."""

    values: tuple[int | None, ...]
    proposals: list[tuple[int, str]]
    failures: list[Failure]


def readings(world: World, found: Resource, target: Resource) -> Readings:
    """What the metrics of an autoscaler say about its target now."""
    values: list[int | None] = []
    read = Readings((), [], [])
    for metric in metrics_of(found):
        try:
            measured = measure(world, target, metric)
        except Unmeasured as error:
            values.append(None)
            told = wrapped(metric, str(error))
            read.failures.append(Failure(f"FailedGet{metric.type}Metric", str(error), told))
            continue
        values.append(measured.value)
        read.proposals.append((scaling.proposal(wanted(target), measured), name_of(metric)))
    return read._replace(values=tuple(values))
