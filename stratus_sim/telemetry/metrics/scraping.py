"""What Prometheus itself records: whether a target answered, and the alerts it has."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.telemetry.alerts import Alert, firing, pending
from stratus_sim.telemetry.metrics.table import Sample, Scrape, metric
from stratus_sim.telemetry.targets import down_since, targets


@metric("up", "gauge", "Whether the last scrape of a target succeeded.")
def _up(scrape: Scrape) -> Iterator[Sample]:
    for service, pod in targets(scrape.world):
        labels = {"namespace": service.namespace, "job": service.name, "service": service.name, "pod": pod.key.name}
        yield Sample(labels, int(down_since(scrape.world, pod) is None))


@metric("ALERTS", "gauge", "Alerts that are pending or firing.")
def _alerts(scrape: Scrape) -> Iterator[Sample]:
    for state, found in (("pending", pending(scrape.world)), ("firing", firing(scrape.world))):
        for alert in found:
            yield Sample({"alertname": alert.name, "alertstate": state, **_about(alert)}, 1)


def _about(alert: Alert) -> dict[str, str]:
    home = {"namespace": alert.namespace} if alert.namespace else {}
    return {**home, alert.label: alert.subject, "severity": alert.severity}
