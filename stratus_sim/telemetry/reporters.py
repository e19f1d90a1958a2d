"""Which component reports an Event: the controller of the kind, and of pods and nodes whoever that reason is known of.

Source: the `--controllers` of kube-controller-manager, and the component names of its event recorders.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus_sim.cluster.objects import EventRecord

KUBELET = "kubelet"
_CONTROLLERS: Mapping[str, str] = {
    "Deployment": "deployment-controller",
    "ReplicaSet": "replicaset-controller",
    "StatefulSet": "statefulset-controller",
    "DaemonSet": "daemonset-controller",
    "Job": "job-controller",
    "CronJob": "cronjob-controller",
    "HorizontalPodAutoscaler": "horizontal-pod-autoscaler",
    "PersistentVolumeClaim": "persistentvolume-controller",
    "PersistentVolume": "persistentvolume-controller",
    "Ingress": "ingress-controller",
    "Node": KUBELET,
    "Pod": KUBELET,
}
_REASONS: Mapping[str, str] = {
    "Scheduled": "default-scheduler",
    "FailedScheduling": "default-scheduler",
    "Preempted": "default-scheduler",
    "TaintManagerEviction": "taint-eviction-controller",
    "NodeNotReady": "node-controller",
    "NodeReady": KUBELET,
    "SuccessfulAttachVolume": "attachdetach-controller",
    "FailedAttachVolume": "attachdetach-controller",
    "ExternalExpanding": "volume_expand",
    "Resizing": "external-resizer",
    "FileSystemResizeRequired": "external-resizer",
    "VolumeResizeSuccessful": "external-resizer",
    "FileSystemResizeSuccessful": KUBELET,
    "RemovingNode": "node-controller",
}


def component(event: EventRecord) -> str:
    """The component that reports an Event, `kubernetes` for kinds nobody here looks after."""
    return _REASONS.get(event.reason) or _CONTROLLERS.get(event.involved.kind, "kubernetes")
