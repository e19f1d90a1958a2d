"""kube-state-metrics about workloads, autoscalers, budgets and quotas, from the objects as the API server shows them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_sim.manifests import quantity
from stratus_sim.telemetry.metrics.reading import at, conditions, count, described, identity, moment, one_of
from stratus_sim.telemetry.metrics.table import Metric, Sample, Samples, Scrape, metric, register

_REASONS = ("BackoffLimitExceeded", "DeadlineExceeded", "Evicted")
_COUNTS = {
    "Deployment": (
        ("kube_deployment_spec_replicas", "spec.replicas", "Number of desired pods for a deployment.", 1),
        ("kube_deployment_status_replicas", "status.replicas", "The number of replicas per deployment.", 0),
        ("kube_deployment_status_replicas_ready", "status.readyReplicas", "The number of ready replicas.", 0),
        ("kube_deployment_status_replicas_available", "status.availableReplicas", "The available replicas.", 0),
        ("kube_deployment_status_replicas_unavailable", "status.unavailableReplicas", "The unavailable replicas.", 0),
        ("kube_deployment_status_replicas_updated", "status.updatedReplicas", "The number of updated replicas.", 0),
        ("kube_deployment_status_observed_generation", "status.observedGeneration", "The generation observed.", 0),
        ("kube_deployment_metadata_generation", "metadata.generation", "The generation of the desired state.", None),
        ("kube_deployment_spec_paused", "spec.paused", "Whether the deployment is paused.", 0),
    ),
    "ReplicaSet": (
        ("kube_replicaset_spec_replicas", "spec.replicas", "Number of desired pods for a ReplicaSet.", 1),
        ("kube_replicaset_status_replicas", "status.replicas", "The number of replicas per ReplicaSet.", 0),
        ("kube_replicaset_metadata_generation", "metadata.generation", "The generation of the desired state.", None),
        ("kube_replicaset_status_ready_replicas", "status.readyReplicas", "The number of ready replicas.", 0),
    ),
    "StatefulSet": (
        ("kube_statefulset_replicas", "spec.replicas", "Number of desired pods for a StatefulSet.", 1),
        ("kube_statefulset_status_replicas", "status.replicas", "The number of replicas per StatefulSet.", 0),
        ("kube_statefulset_status_replicas_ready", "status.readyReplicas", "The number of ready replicas.", 0),
        ("kube_statefulset_status_replicas_available", "status.availableReplicas", "The available replicas.", 0),
        ("kube_statefulset_status_replicas_current", "status.currentReplicas", "Replicas of the current revision.", 0),
        ("kube_statefulset_status_replicas_updated", "status.updatedReplicas", "Replicas of the new revision.", 0),
        ("kube_statefulset_status_observed_generation", "status.observedGeneration", "The generation observed.", 0),
        ("kube_statefulset_metadata_generation", "metadata.generation", "The generation of the desired state.", None),
    ),
    "DaemonSet": (
        ("kube_daemonset_status_desired_number_scheduled", "status.desiredNumberScheduled", "Nodes that want one.", 0),
        ("kube_daemonset_status_current_number_scheduled", "status.currentNumberScheduled", "Nodes that have one.", 0),
        ("kube_daemonset_status_number_misscheduled", "status.numberMisscheduled", "Nodes that should not.", 0),
        ("kube_daemonset_status_number_ready", "status.numberReady", "Nodes where it is ready.", 0),
        ("kube_daemonset_status_number_available", "status.numberAvailable", "Nodes where it is available.", 0),
        ("kube_daemonset_status_number_unavailable", "status.numberUnavailable", "Nodes where it is not.", 0),
        ("kube_daemonset_metadata_generation", "metadata.generation", "The generation of the desired state.", None),
        ("kube_daemonset_status_observed_generation", "status.observedGeneration", "The generation observed.", 0),
        ("kube_daemonset_status_updated_number_scheduled", "status.updatedNumberScheduled", "Nodes up to date.", 0),
    ),
    "Job": (
        ("kube_job_spec_completions", "spec.completions", "The desired number of finished pods.", None),
        ("kube_job_spec_parallelism", "spec.parallelism", "The desired number of pods at any time.", 1),
        ("kube_job_status_active", "status.active", "The number of actively running pods.", 0),
        ("kube_job_status_succeeded", "status.succeeded", "The number of pods which reached Succeeded.", 0),
        ("kube_job_status_ready", "status.ready", "The number of ready pods that belong to this Job.", 0),
        ("kube_job_status_suspended", "spec.suspend", "Whether the job is suspended.", 0),
        ("kube_job_spec_active_deadline_seconds", "spec.activeDeadlineSeconds", "How long it may be active.", None),
    ),
    "CronJob": (("kube_cronjob_spec_suspend", "spec.suspend", "Whether the controller is suspended.", 0),),
    "HorizontalPodAutoscaler": (
        ("kube_horizontalpodautoscaler_spec_max_replicas", "spec.maxReplicas", "Upper limit of the size.", None),
        ("kube_horizontalpodautoscaler_spec_min_replicas", "spec.minReplicas", "Lower limit of the size.", 1),
        ("kube_horizontalpodautoscaler_status_current_replicas", "status.currentReplicas", "Current replicas.", 0),
        ("kube_horizontalpodautoscaler_status_desired_replicas", "status.desiredReplicas", "Desired replicas.", 0),
    ),
    "PodDisruptionBudget": (
        ("kube_poddisruptionbudget_status_current_healthy", "status.currentHealthy", "Healthy pods.", 0),
        ("kube_poddisruptionbudget_status_desired_healthy", "status.desiredHealthy", "Healthy pods wanted.", 0),
        ("kube_poddisruptionbudget_status_expected_pods", "status.expectedPods", "Pods counted by the budget.", 0),
        (
            "kube_poddisruptionbudget_status_pod_disruptions_allowed", "status.disruptionsAllowed",
            "Number of pod disruptions that are currently allowed.", 0,
        ),
    ),
}  # fmt: skip
for _kind, _rows in _COUNTS.items():
    for _name, _path, _help, _default in _rows:
        count(_name, _kind, _path, _help, _default)

moment("kube_job_status_start_time", "Job", "status.startTime", "When the job was started.")
moment("kube_job_status_completion_time", "Job", "status.completionTime", "When the job was completed.")
moment("kube_cronjob_status_last_schedule_time", "CronJob", "status.lastScheduleTime", "When it was last scheduled.")
_NAME = "kube_horizontalpodautoscaler_status_condition"
register(Metric(_NAME, "gauge", "The condition of this autoscaler.", conditions("HorizontalPodAutoscaler")))
_NAME, _HELP = "kube_deployment_status_condition", "The current status conditions of a deployment."
register(Metric(_NAME, "gauge", _HELP, conditions("Deployment", reasons=True)))


def _finished(kind: str) -> Samples:
    """Jobs that have this condition; the others have no sample."""

    def samples(scrape: Scrape) -> Iterator[Sample]:
        for job in scrape.objects("Job"):
            if any(c["type"] == kind and c["status"] == "True" for c in at(job, "status.conditions") or ()):
                yield from one_of(identity("Job", job), "condition", ("true", "false", "unknown"), "true")

    return samples


register(Metric("kube_job_failed", "gauge", "The job has failed its execution.", _finished("Failed")))
register(Metric("kube_job_complete", "gauge", "The job has completed its execution.", _finished("Complete")))


@metric("kube_job_status_failed", "gauge", "The number of pods which reached Phase Failed and the reason for failure.")
def _failed(scrape: Scrape) -> Iterator[Sample]:
    """A job that was given up has a sample for each reason there is, 1 for its own; before, the number of its pods."""
    for job in scrape.objects("Job"):
        labels, failed = identity("Job", job), int(at(job, "status.failed") or 0)
        given_up = [c.get("reason") for c in at(job, "status.conditions") or () if c["type"] == "Failed"]
        if not failed:
            yield Sample(labels, 0)
        elif given_up and given_up[0] in _REASONS:
            yield from one_of(labels, "reason", _REASONS, given_up[0])
        else:
            yield Sample({**labels, "reason": ""}, failed)


for _which in ("current", "update"):
    described(
        f"kube_statefulset_status_{_which}_revision", "StatefulSet", f"The {_which} revision of a StatefulSet.",
        {"revision": f"status.{_which}Revision"},
    )  # fmt: skip


@metric("kube_cronjob_status_active", "gauge", "The number of currently running jobs.")
def _running_jobs(scrape: Scrape) -> Iterator[Sample]:
    for found in scrape.objects("CronJob"):
        yield Sample(identity("CronJob", found), len(at(found, "status.active") or ()))


@metric("kube_resourcequota", "gauge", "Information about resource quota.")
def _quotas(scrape: Scrape) -> Iterator[Sample]:
    for quota in scrape.objects("ResourceQuota"):
        for side in ("hard", "used"):
            for resource, found in sorted((at(quota, f"status.{side}") or {}).items()):
                labels = {**identity("ResourceQuota", quota), "resource": resource, "type": side}
                yield Sample(labels, float(quantity.amount(found)))
