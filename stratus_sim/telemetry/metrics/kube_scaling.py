"""kube-state-metrics about autoscalers and disruption budgets, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload and policy (v2.17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratus_sim.telemetry.metrics.reading import at, conditions, count, described, gauge, plain_amount
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

SCALER, BUDGET = "HorizontalPodAutoscaler", "PodDisruptionBudget"
for _name, _path, _help, _default in (
    ("metadata_generation", "metadata.generation", "The generation observed by the autoscaler.", None),
    ("spec_max_replicas", "spec.maxReplicas", "Upper limit of the size.", None),
    ("spec_min_replicas", "spec.minReplicas", "Lower limit of the size.", None),
    ("status_current_replicas", "status.currentReplicas", "Current replicas.", 0),
    ("status_desired_replicas", "status.desiredReplicas", "Desired replicas.", 0),
):
    count(f"kube_horizontalpodautoscaler_{_name}", SCALER, _path, _help, _default)
for _name, _path, _help in (
    ("current_healthy", "currentHealthy", "Healthy pods."),
    ("desired_healthy", "desiredHealthy", "Healthy pods wanted."),
    ("expected_pods", "expectedPods", "Pods counted by the budget."),
    ("observed_generation", "observedGeneration", "The generation observed."),
    ("pod_disruptions_allowed", "disruptionsAllowed", "Number of pod disruptions that are currently allowed."),
):
    count(f"kube_poddisruptionbudget_status_{_name}", BUDGET, f"status.{_path}", _help, 0)

described(
    "kube_horizontalpodautoscaler_info", SCALER, "Information about this autoscaler.",
    {
        "scaletargetref_api_version": "spec.scaleTargetRef.apiVersion",
        "scaletargetref_kind": "spec.scaleTargetRef.kind", "scaletargetref_name": "spec.scaleTargetRef.name",
    },
)  # fmt: skip
conditions("kube_horizontalpodautoscaler_status_condition", SCALER, "The condition of this autoscaler.")

_VALUES = (("value", "value"), ("average", "averageValue"), ("utilization", "averageUtilization"))


def _metrics(path: str, side: str) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """The values of each metric an autoscaler names; `side` is what is asked for (target) or what is (current)."""

    def read(scaler: Json) -> Iterator[tuple[Labels, float]]:
        for one in at(scaler, path) or ():
            source = one.get(one["type"][0].lower() + one["type"][1:]) or {}
            name = source.get("name") or at(source, "metric.name") or ""
            for label, field in _VALUES:
                if (found := at(source, f"{side}.{field}")) is not None:
                    yield {"metric_name": name, "metric_target_type": label}, plain_amount(found)

    return read


_NAME = "kube_horizontalpodautoscaler"
gauge(f"{_NAME}_spec_target_metric", SCALER, "What it keeps its metrics at.", _metrics("spec.metrics", "target"))
gauge(
    f"{_NAME}_status_target_metric", SCALER, "What its metrics are.",
    _metrics("status.currentMetrics", "current"),
)  # fmt: skip
