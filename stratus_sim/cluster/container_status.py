"""The containers of a pod: which there are, in the order they start, and how each of them fares.

A container is told by its place in that order: init containers first. Follows the API reference v1.33, "PodStatus",
and kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle ("Pod phase", "Pod readiness"). A pod with one container
has `PodStatus` to itself, so that it costs no more than it must.
"""

from __future__ import annotations

from typing import Any

from stratus_sim.cluster.objects import Manifest, Resource
from stratus_sim.cluster.status import ContainerStatus, PodStatus
from stratus_sim.manifests.pod_shapes import Container, PodSpec


def all_of(spec: PodSpec) -> list[Container]:
    """The containers of a pod in the order they start."""
    return [*spec.init_containers, *spec.containers] if spec.init_containers else spec.containers


def manifest_of(pod: Resource, at: int) -> Manifest:
    """A container as written."""
    spec = pod.manifest["spec"]
    inits = spec.get("initContainers") or ()
    found: Manifest = inits[at] if at < len(inits) else spec["containers"][at - len(inits)]
    return found


def inits(spec: PodSpec) -> int:
    """How many init containers a pod has, which is the place of the first of the others."""
    return len(spec.init_containers) if spec.init_containers else 0


def several(spec: PodSpec) -> bool:
    """Whether a pod is more than the one container in it."""
    return len(spec.containers) > 1 or bool(spec.init_containers) or bool(spec.readiness_gates)


def of(pod: Resource, at: int) -> ContainerStatus:
    """The status of one container."""
    status: PodStatus = pod.status
    return status.containers[at] if status.containers else status


def running(pod: Resource) -> list[Container]:
    """The containers that run now, in the order they started."""
    return [c for at, c in enumerate(all_of(pod.spec)) if of(pod, at).state == "running"]


def stays(pod: Resource, at: int) -> bool:
    """Whether a container is there for as long as the pod is: one of the pod's own, or a sidecar."""
    first = inits(pod.spec)
    return at >= first or pod.spec.init_containers[at].restart_policy == "Always"


def summed(pod: Resource, each: list[ContainerStatus], initialized: int) -> dict[str, Any]:
    """What the statuses of several containers mean for their pod, as fields of `PodStatus`.

    It is Pending until every container has started once, and again while init containers that are no sidecars run anew
    (`getPhase` of the kubelet); that it has ended only `kubelet.reports.finish` says.
    """
    first = inits(pod.spec)
    starting = initialized < first
    troubled = [each[initialized]] if starting else [one for one in (*each[first:], *each[:first]) if _ails(one)]
    worst = troubled[0] if troubled else max(each[first:], key=lambda one: one.ended_us)
    reason = "PodInitializing" if starting and worst.state == "running" else worst.reason if troubled else ""
    waits = _initializes(pod, initialized) if starting else False
    phase = "Pending" if waits or not all(one.started_us for one in each[first:]) else "Running"
    return {
        "phase": phase,
        "state": "waiting" if phase == "Pending" or troubled else "running",
        "ready": not starting and _all_ready(pod, each),
        "reason": reason,
        "message": worst.message if troubled else "",
        "restarts": sum(one.restarts for one in each),
        "last_termination": worst.last_termination,
        "code": worst.code,
        "started_us": max(one.started_us for one in each[first:]),
        "ended_us": worst.ended_us,
        "failures": worst.failures,
    }


def _initializes(pod: Resource, initialized: int) -> bool:
    """Whether an init container is still to be done, sidecars apart."""
    return any(one.restart_policy != "Always" for one in (pod.spec.init_containers or ())[initialized:])


def _ails(one: ContainerStatus) -> bool:
    return bool(one.reason) and not (one.state == "terminated" and one.code == 0)


def _all_ready(pod: Resource, each: list[ContainerStatus]) -> bool:
    return all(one.ready for at, one in enumerate(each) if stays(pod, at)) and _gates_open(pod)


def _gates_open(pod: Resource) -> bool:
    """Whether somebody has set every condition a pod's readiness waits for beside its containers'."""
    gates = pod.spec.readiness_gates or ()
    conditions = (pod.manifest.get("status") or {}).get("conditions") or () if gates else ()
    met = {str(one.get("type")) for one in conditions if one.get("status") == "True"}
    return all(gate.condition_type in met for gate in gates)
