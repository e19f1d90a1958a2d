"""Pods that may only be there for so long.

Follows kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1 (`activeDeadlineSeconds`): from the moment
the pod has come to its node, whatever it does there; then it has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.cluster import pods
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.kubelet import reports
from stratus_sim.cluster.kubelet.duty import on_duty
from stratus_sim.cluster.kubelet.killing import announce
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import handler

if TYPE_CHECKING:
    from stratus_sim.world import World

EXCEEDED = "DeadlineExceeded"
_SAID = "Pod was active on the node longer than the specified deadline"


@handler("kubelet.deadline")
def exceeded(world: World, key: ObjectKey, uid: int) -> None:
    """The time of a pod is over."""
    pod = on_duty(world, key, uid)
    if pod is None or not pods.active(pod):
        return
    emit(world, key, EXCEEDED, _SAID)
    announce(world, pod)
    reports.finish(world, pod, EXCEEDED, _SAID)
