"""kube-state-metrics about workloads, from the objects as the API server has them.

Names, labels and units: github.com/kubernetes/kube-state-metrics, docs/metrics/workload (v2.17).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratus_sim.cluster.workloads.bounds import portion
from stratus_sim.telemetry.metrics.reading import at, conditions, count, described, gauge, owners, texts
from stratus_sim.telemetry.metrics.table import Labels
from stratus_sim.telemetry.render import Json

_REASONS = (
    "ReplicaSetUpdated", "ReplicaSetCreateError", "NewReplicaSetCreated", "FoundNewReplicaSet",
    "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused", "DeploymentResumed",
    "MinimumReplicasAvailable", "MinimumReplicasUnavailable", "",
)  # fmt: skip
"""The reasons of a Deployment's conditions that are told; any other is `unknown`."""
_COUNTS = {
    "Deployment": (
        ("kube_deployment_spec_replicas", "spec.replicas", "Number of desired pods for a deployment.", None),
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
        ("kube_replicaset_spec_replicas", "spec.replicas", "Number of desired pods for a ReplicaSet.", None),
        ("kube_replicaset_status_replicas", "status.replicas", "The number of replicas per ReplicaSet.", 0),
        ("kube_replicaset_metadata_generation", "metadata.generation", "The generation of the desired state.", None),
        ("kube_replicaset_status_ready_replicas", "status.readyReplicas", "The number of ready replicas.", 0),
        ("kube_replicaset_status_fully_labeled_replicas", "status.fullyLabeledReplicas", "Those with its labels.", 0),
        ("kube_replicaset_status_observed_generation", "status.observedGeneration", "The generation observed.", 0),
    ),
    "StatefulSet": (
        ("kube_statefulset_replicas", "spec.replicas", "Number of desired pods for a StatefulSet.", None),
        ("kube_statefulset_status_replicas", "status.replicas", "The number of replicas per StatefulSet.", 0),
        ("kube_statefulset_status_replicas_ready", "status.readyReplicas", "The number of ready replicas.", 0),
        ("kube_statefulset_status_replicas_available", "status.availableReplicas", "The available replicas.", 0),
        ("kube_statefulset_status_replicas_current", "status.currentReplicas", "Replicas of the current revision.", 0),
        ("kube_statefulset_status_replicas_updated", "status.updatedReplicas", "Replicas of the new revision.", 0),
        ("kube_statefulset_status_observed_generation", "status.observedGeneration", "The generation observed.", 0),
        ("kube_statefulset_ordinals_start", "spec.ordinals.start", "Start ordinal of the StatefulSet.", None),
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
}  # fmt: skip
for _kind, _rows in _COUNTS.items():
    for _name, _path, _help, _default in _rows:
        count(_name, _kind, _path, _help, _default)

_HELP = "The current status conditions of a deployment."
conditions("kube_deployment_status_condition", "Deployment", _HELP, _REASONS)
owners("kube_replicaset_owner", "ReplicaSet")


def _rolling(bound: str, *, up: bool) -> Callable[[Json], Iterator[tuple[Labels, float]]]:
    """A bound of a rolling update in pods; those that are updated otherwise have none."""

    def read(body: Json) -> Iterator[tuple[Labels, float]]:
        if (found := at(body, f"spec.strategy.rollingUpdate.{bound}")) is not None:
            yield {}, portion(found, body["spec"]["replicas"], up=up)

    return read


_NAME, _HELP = "kube_deployment_spec_strategy_rollingupdate_max", "replicas during a rolling update of a deployment."
gauge(
    f"{_NAME}_unavailable", "Deployment", f"Maximum number of unavailable {_HELP}", _rolling("maxUnavailable", up=False)
)
gauge(f"{_NAME}_surge", "Deployment", f"Maximum number of additional {_HELP}", _rolling("maxSurge", up=True))

for _which in ("current", "update"):
    described(
        f"kube_statefulset_status_{_which}_revision", "StatefulSet", f"The {_which} revision of a StatefulSet.",
        {"revision": f"status.{_which}Revision"},
    )  # fmt: skip


def _retention(body: Json) -> Iterator[tuple[Labels, float]]:
    yield texts(at(body, _KEPT), {"when_deleted": "whenDeleted", "when_scaled": "whenScaled"}), 1


_KEPT = "spec.persistentVolumeClaimRetentionPolicy"
_NAME, _HELP = "kube_statefulset_persistentvolumeclaim_retention_policy", "What becomes of a StatefulSet's claims."
gauge(_NAME, "StatefulSet", _HELP, _retention)
