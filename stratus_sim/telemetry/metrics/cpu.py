"""What cAdvisor reports of CPU: the time containers have used, and how often their limit has stopped them.

Names, labels and units: github.com/google/cadvisor, docs/storage/prometheus.md; periods and throttling are those of
docs.kernel.org/scheduler/sched-bwc.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stratus_sim.application.throttling import PERIOD_US, quota_us, throttles
from stratus_sim.application.work import Work
from stratus_sim.cluster import container_status
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.pods import root_owner
from stratus_sim.cluster.specs import container_limit_millicores, container_request, usable_millicores
from stratus_sim.manifests.pod_shapes import Container
from stratus_sim.telemetry.metrics.cadvisor import running
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, Type, metric, register


class Used(NamedTuple):
    """What a run of a container has had of CPU, in microseconds, and what it was held back from: how many periods of
    its quota it was at work in, and how many of them its quota did not last for."""

    cpu_us: int = 0
    periods: int = 0
    throttled: int = 0


def _used(scrape: Scrape) -> Iterator[tuple[dict[str, str], Container, Used]]:
    """Labels, container, and what it has used since it started. The one that serves does all the work there is."""
    for labels, pod, container in scrape.once(running):
        owner = root_owner(scrape.world, pod)
        workload = scrape.world.application.workloads.get(f"{owner.namespace}/{owner.name}" if owner else "")
        if workload is None or workload.container != container.name:
            yield labels, container, Used()
        else:
            work = scrape.work.get(workload.key, {}).get(pod.uid)
            yield labels, container, _of(pod, container, workload.cpu_us_per_request, work) if work else Used()


def _of(pod: Resource, container: Container, cpu_us_per_request: int, work: Work) -> Used:
    """A request is at work in one period more than it is throttled in; who has too much to do is in every one."""
    cpu_us = usable_millicores(pod.spec) * work.busy // 1_000_000_000
    limit = container_limit_millicores(container)
    if limit is None:
        return Used(cpu_us)
    started_us = container_status.of(pod, container_status.all_of(pod.spec).index(container)).started_us
    each, requests = throttles(cpu_us_per_request, limit), cpu_us // max(1, cpu_us_per_request)
    full = work.full // PERIOD_US
    periods = min(requests * (each + 1), (work.at_us - started_us) // PERIOD_US - full)
    return Used(cpu_us, periods + full, periods * each // (each + 1) + full)


@metric("container_cpu_usage_seconds_total", "counter", "Cumulative CPU time consumed in seconds.")
def _usage(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, used in scrape.once(_used):
        yield Sample({**labels, "cpu": "total"}, used.cpu_us / 1_000_000)


def _quotas(read: Callable[[int, Used], float]) -> Samples:
    """What a limit makes of a container; those without one have no sample."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for labels, container, used in scrape.once(_used):
            if (limit := container_limit_millicores(container)) is not None:
                yield Sample(labels, read(quota_us(limit), used))

    return samples


_ROWS: tuple[tuple[str, Type, str, Callable[[int, Used], float]], ...] = (
    ("spec_cpu_quota", "gauge", "CPU quota of the container in microseconds a period.", lambda quota, _: quota),
    ("cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.", lambda _, u: u.periods),
    (
        "cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.",
        lambda _, used: used.throttled,
    ),
    (
        "cpu_cfs_throttled_seconds_total", "counter", "Total time duration the container has been throttled.",
        lambda quota, used: used.throttled * max(0, PERIOD_US - quota) / 1_000_000,
    ),
)  # fmt: skip
for _name, _type, _help, _read in _ROWS:
    register(Metric(f"container_{_name}", _type, _help, _quotas(_read)))


@metric("container_spec_cpu_period", "gauge", "CPU period of the container in microseconds.")
def _period(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, _ in scrape.once(running):
        yield Sample(labels, PERIOD_US)


_LEAST_SHARES, _SHARES = 2, 1024


@metric("container_spec_cpu_shares", "gauge", "CPU share of the container.")
def _shares(scrape: Scrape) -> Iterator[Sample]:
    for labels, _, container in scrape.once(running):
        asked = container_request(container, "cpu") or 0
        yield Sample(labels, max(_LEAST_SHARES, asked * _SHARES // 1000))


_OF_RULE = ("namespace", "pod", "container", "node")


@metric(
    "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
    "gauge",
    "CPU a container uses now, in cores: the kubernetes-mixin's recording rule.",
)
def _rate(scrape: Scrape) -> Iterator[Sample]:
    for labels, pod, container in scrape.once(running):
        used = scrape.world.processes.cpu_millicores(scrape.world, pod, container.name) if pod.status.ready else 0
        yield Sample({k: labels[k] for k in _OF_RULE}, used / 1000)
