"""Metrics as Prometheus has them: names, labels and units of kube-state-metrics, cAdvisor and OpenTelemetry.

Every row of the table is a plain function of the world; `exposition` writes what a scrape would return.
"""

from stratus_sim.telemetry.metrics import (
    cadvisor,
    cpu,
    kube_containers,
    kube_jobs,
    kube_nodes,
    kube_objects,
    kube_pod_specs,
    kube_pods,
    kube_scaling,
    kube_services,
    kube_storage,
    kube_workloads,
    network,
    requests,
    scraping,
)
from stratus_sim.telemetry.metrics.exposition import exposition
from stratus_sim.telemetry.metrics.table import METRICS, Metric, Sample, Scrape, metric

EXPORTERS = (
    kube_pods, kube_pod_specs, kube_containers, kube_workloads, kube_jobs, kube_scaling, kube_nodes, kube_storage,
    kube_services, kube_objects, cadvisor, cpu, network, requests, scraping,
)  # fmt: skip
"""Importing them fills the table."""

__all__ = ["EXPORTERS", "METRICS", "Metric", "Sample", "Scrape", "exposition", "metric"]
