"""What cAdvisor reports of running containers: memory, disk, starts and kills.

Names, labels and units: github.com/google/cadvisor, docs/storage/prometheus.md, with the labels kubelet adds.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster import container_status
from stratus_sim.cluster.kubelet.refusals import full_name
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import limit_mib
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.telemetry.metrics.reading import unix
from stratus_sim.telemetry.metrics.table import Metric, Sample, Scrape, metric, register
from stratus_sim.telemetry.render import timestamp
from stratus_sim.telemetry.run_ids import control_group, run_id

MIB = 2**20


def running(scrape: Scrape) -> Iterator[tuple[dict[str, str], Resource, Container]]:
    """Labels, pod and container of whatever runs on a node whose kubelet can be asked."""
    for labels, pod, at in _containers(scrape):
        if container_status.of(pod, at).state == "running":
            yield labels, pod, container_status.all_of(pod.spec)[at]


def _containers(scrape: Scrape) -> Iterator[tuple[dict[str, str], Resource, int]]:
    """Labels and place of every container a kubelet that can be asked knows of."""
    for pod in scrape.world.store.list("Pod"):
        if scrape.world.node_alive(pod.status.node):
            for at, container in enumerate(container_status.all_of(pod.spec)):
                yield _labels(pod, container, container_status.of(pod, at).restarts), pod, at


def _labels(pod: Resource, container: Container, restarts: int) -> dict[str, str]:
    of = {"namespace": pod.key.namespace, "pod": pod.key.name, "container": container.name}
    run = run_id(pod, container.name, restarts)
    what = {"image": full_name(container.image or ""), "id": control_group(pod, run), "name": run}
    return {**of, **what, "node": pod.status.node}


def _memory(scrape: Scrape) -> Iterator[Sample]:
    """A process that would need more than its limit is killed before it has it; nothing is kept of files it reads."""
    for labels, pod, container in scrape.once(running):
        needed = scrape.world.processes.memory_mib(root_owner(scrape.world, pod), container.name)
        limit = limit_mib(container)
        yield Sample(labels, MIB * (needed if limit is None else min(needed, limit)))


for _name, _help in (
    ("working_set_bytes", "Current working set in bytes."),
    ("usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was accessed."),
    ("rss", "Size of RSS in bytes."),
):
    register(Metric(f"container_memory_{_name}", "gauge", _help, _memory))


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
    for labels, pod, at in _containers(scrape):
        one = container_status.of(pod, at)
        killed = one.state != "running" and one.last_termination == "OOMKilled"
        yield Sample(labels, int(killed))


@metric("container_last_seen", "gauge", "Last time a container was seen by the exporter.")
def _seen(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, _ in scrape.once(running):
        yield Sample(labels, unix(timestamp(scrape.world.now_us)))


@metric("container_fs_usage_bytes", "gauge", "Number of bytes that are consumed by the container on its filesystem.")
def _disk(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in scrape.once(running):
        yield Sample(labels, MIB * scrape.world.processes.written_mib(container))
