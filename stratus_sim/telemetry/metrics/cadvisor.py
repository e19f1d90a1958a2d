"""What cAdvisor reports of running containers: memory, disk, starts and kills.

Names, labels and units: github.com/google/cadvisor, docs/storage/prometheus.md, with the labels kubelet adds.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_mib
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.telemetry.metrics.reading import unix
from stratus_sim.telemetry.metrics.table import Sample, Scrape, metric
from stratus_sim.telemetry.render import timestamp

MIB = 2**20


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
    for labels, pod, container in scrape.once(running):
        needed = scrape.world.processes.memory_mib(root_owner(scrape.world, pod), container.name)
        limit = limit_mib(container)
        yield Sample(labels, MIB * (needed if limit is None else min(needed, limit)))


@metric("container_spec_memory_limit_bytes", "gauge", "Memory limit for the container; 0 for none.")
def _memory_limit(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in scrape.once(running):
        yield Sample(labels, MIB * (limit_mib(container) or 0))


@metric("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.")
def _start(scrape: Scrape) -> Iterator[Sample]:
    for labels, pod, container in scrape.once(running):
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
    for labels, _, container in scrape.once(running):
        yield Sample(labels, MIB * scrape.world.processes.written_mib(container))
