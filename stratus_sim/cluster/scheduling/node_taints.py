"""Cordons and taints.

Follows kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration; a node that has fallen silent is one with
the taint the node controller puts on it.
"""

from __future__ import annotations

from stratus_sim.cluster import taints
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.scheduling.attempt import Attempt, Refusal

_CORDONED = Refusal(("node(s) were unschedulable",), final=True)
_UNREACHABLE = f"{{{taints.UNREACHABLE['key']}: }}"


def refuse(attempt: Attempt, node: Resource) -> Refusal | None:
    if node.spec.unschedulable and not taints.tolerating(attempt.pod, taints.UNSCHEDULABLE):
        return _CORDONED
    taint = repelled(attempt.pod, node)
    return Refusal((f"node(s) had untolerated taint {taint}",), final=True) if taint else None


def repelled(pod: Resource, node: Resource) -> str:
    """The first taint that keeps a pod off a node, as kubectl shows it; or ""."""
    if not node.status.ready and not all(taints.tolerating(pod, taint) for taint in taints.lost(node)):
        return _UNREACHABLE
    pressing = taints.pressing(node, pod) if node.status.pressure else ""
    return pressing or taints.untolerated(node.manifest, pod, "NoSchedule", "NoExecute")


def preferably_not(attempt: Attempt, node: Resource) -> int:
    """How many PreferNoSchedule taints of a node the pod does not tolerate."""
    tolerations = (attempt.pod.manifest.get("spec") or {}).get("tolerations") or []
    there = (taint for taint in taints.of(node.manifest) if taint.get("effect") == "PreferNoSchedule")
    return sum(bool(taints.repelling({"spec": {"taints": [t]}}, tolerations, "PreferNoSchedule")) for t in there)
