"""What Prometheus itself records: whether a target answered, and the alerts it has."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.cluster.objects import Resource
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.telemetry.metrics.reading import unix
from stratus_sim.telemetry.metrics.table import Sample, Scrape, metric
from stratus_sim.telemetry.render import timestamp
from stratus_sim.telemetry.targets import down_since, targets


@metric("up", "gauge", "Whether the last scrape of a target succeeded.")
def _up(scrape: Scrape) -> Iterator[Sample]:
    for service, pod in targets(scrape.world):
        labels = {"namespace": service.namespace, "job": service.name, "service": service.name, "pod": pod.key.name}
        yield Sample({**labels, "instance": _instance(pod)}, int(down_since(scrape.world, pod) is None))


def _instance(pod: Resource) -> str:
    """Where a target is scraped: at the first port its containers declare."""
    ports = (port.container_port for container in pod.spec.containers for port in container.ports or ())
    return f"{pod.status.ip}:{next(ports, 80)}"


@metric("ALERTS", "gauge", "Alerts that are pending or firing.")
def _alerts(scrape: Scrape) -> Iterator[Sample]:
    for state, found in (("pending", pending(scrape.world)), ("firing", firing(scrape.world))):
        for alert in found:
            yield Sample({"alertname": alert.name, "alertstate": state, **alert.labels}, 1)


@metric("ALERTS_FOR_STATE", "gauge", "Since when the condition of an alert that is pending or firing holds.")
def _since(scrape: Scrape) -> Iterator[Sample]:
    for alert in (*pending(scrape.world), *firing(scrape.world)):
        yield Sample(alert.labels, unix(timestamp(alert.since_us)))
