"""What cAdvisor reports of running containers: memory, limits, disk, starts, and the CPU they use.

Names, labels and units: github.com/google/cadvisor, docs/storage/prometheus.md, with the labels kubelet adds.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import container_limit_millicores, limit_mib
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.telemetry.metrics.reading import unix
from stratus_sim.telemetry.metrics.table import Sample, Scrape, metric
from stratus_sim.telemetry.render import timestamp

MIB = 2**20
_PERIOD_US = 100_000


def running(scrape: Scrape) -> Iterator[tuple[dict[str, str], Resource, Container]]:
    """Labels, pod and container of whatever runs on a node whose kubelet can be asked."""
    for pod in scrape.world.store.list("Pod"):
        if scrape.world.node_alive(pod.status.node):
            for container in container_status.running(pod):
                yield _labels(pod, container), pod, container


def _labels(pod: Resource, container: Container) -> dict[str, str]:
    of = {"namespace": pod.key.namespace, "pod": pod.key.name, "container": container.name}
    return {**of, "image": container.image or "", "node": pod.status.node}


@metric("container_memory_working_set_bytes", "gauge", "Current working set in bytes.")
def _working_set(scrape: Scrape) -> Iterator[Sample]:
    """A process that would need more than its limit is killed before it has it."""
    for labels, pod, container in running(scrape):
        needed = scrape.world.processes.memory_mib(root_owner(scrape.world, pod), container.name)
        limit = limit_mib(container)
        yield Sample(labels, MIB * (needed if limit is None else min(needed, limit)))


@metric("container_spec_memory_limit_bytes", "gauge", "Memory limit for the container; 0 for none.")
def _memory_limit(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in running(scrape):
        yield Sample(labels, MIB * (limit_mib(container) or 0))


@metric("container_spec_cpu_quota", "gauge", "CPU quota of the container in microseconds a period.")
def _cpu_quota(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in running(scrape):
        if (limit := container_limit_millicores(container)) is not None:
            yield Sample(labels, limit * _PERIOD_US // 1000)


@metric("container_spec_cpu_period", "gauge", "CPU period of the container in microseconds.")
def _cpu_period(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, _ in running(scrape):
        yield Sample(labels, _PERIOD_US)


@metric("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.")
def _start(scrape: Scrape) -> Iterator[Sample]:
    for labels, pod, container in running(scrape):
        at = container_status.all_of(pod.spec).index(container)
        yield Sample(labels, unix(timestamp(container_status.of(pod, at).started_us)))


@metric("container_oom_events_total", "counter", "Count of out of memory events observed for the container.")
def _kills(scrape: Scrape) -> Iterator[Sample]:
    """A container that is started again has a new control group, which counts from zero."""
    for pod in scrape.world.store.list("Pod"):
        if scrape.world.node_alive(pod.status.node):
            for at, container in enumerate(container_status.all_of(pod.spec)):
                one = container_status.of(pod, at)
                killed = one.state != "running" and one.last_termination == "OOMKilled"
                yield Sample(_labels(pod, container), int(killed))


@metric("container_fs_usage_bytes", "gauge", "Number of bytes that are consumed by the container on its filesystem.")
def _disk(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in running(scrape):
        yield Sample(labels, MIB * scrape.world.processes.written_mib(container))


@metric(
    "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
    "gauge",
    "CPU a container uses now, in cores: the kubernetes-mixin's recording rule.",
)
def _cpu(scrape: Scrape) -> Iterator[Sample]:
    """The rate itself: how much a pod has used since it began, nobody here remembers."""
    for labels, pod, container in running(scrape):
        used = scrape.world.processes.cpu_millicores(scrape.world, pod, container.name) if pod.status.ready else 0
        yield Sample({k: v for k, v in labels.items() if k != "image"}, used / 1000)
