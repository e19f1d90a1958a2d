"""The status of pods as the API server returns it, and what kubectl makes of it in its columns.

Field names and conditions: Kubernetes API reference v1.33, "PodStatus"; the columns follow `kubectl get pods`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratus_sim.cluster import container_status, disruption
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.specs import best_effort, guaranteed
from stratus_sim.cluster.status import ENDED, ContainerStatus, PodStatus
from stratus_sim.telemetry.render_workloads import Json, condition, timestamp

_WHOLE = ("Evicted", "DeadlineExceeded")
"""Why a pod is ended as a whole, which is the reason of none of its containers."""


def pod(body: Json, resource: Resource) -> None:
    """Add the status of a pod to its manifest."""
    status: PodStatus = resource.status
    found: Json = {"phase": status.phase, "conditions": _conditions(resource), "qosClass": quality(resource)}
    if status.phase == "Failed" and status.message:
        found |= {"reason": status.reason, "message": status.message}
    if status.node:
        body["spec"]["nodeName"] = status.node
        rejected = status.phase == "Failed" and not status.ip
        found |= {} if rejected else _statuses(body["spec"], resource)
    body["status"] = found


def quality(resource: Resource) -> str:
    """The quality of service class of a pod."""
    if best_effort(resource.spec):
        return "BestEffort"
    return "Guaranteed" if guaranteed(resource.spec) else "Burstable"


def _conditions(resource: Resource) -> list[Json]:
    """What the scheduler says of a pod, and once it has a node its kubelet, in the kubelet's order."""
    status: PodStatus = resource.status
    scheduled = condition("PodScheduled", bool(status.node), status.bound_us if status.node else resource.created_us)
    if not status.node and status.reason:
        scheduled |= {"reason": status.reason, "message": status.message}
    found = [*_started(resource), scheduled] if status.node else [scheduled]
    return [*found, _disrupted(status)] if status.disruption else found


def _disrupted(status: PodStatus) -> Json:
    found = condition(disruption.CONDITION, True, status.since_us, status.disruption)
    return {**found, "message": disruption.SAID.get(status.disruption, status.message)}


def _started(resource: Resource) -> list[Json]:
    status, inits = resource.status, container_status.inits(resource.spec)
    each, since_us = status.containers or _alike(resource), status.since_us
    ready_us = max((one.ended_us or one.started_us for one in each[:inits]), default=0) or status.bound_us
    initialized = condition("Initialized", status.initialized >= inits, ready_us)
    if status.initialized < inits:
        waiting = _names(resource, lambda at: status.initialized <= at < inits)
        message = f"containers with incomplete status: {waiting}"
        initialized |= {"reason": "ContainersNotInitialized", "message": message}
    unready = _names(resource, lambda at: container_status.stays(resource, at) and not each[at].ready)
    why = _unready(status, unready)
    whole, ready = condition("ContainersReady", unready == "[]", since_us), condition("Ready", status.ready, since_us)
    if unready != "[]":
        whole |= why
    elif not status.ready:
        why = {"reason": "ReadinessGatesNotReady"}
    begun_us = since_us if _over(status) else status.bound_us
    return [
        condition("PodReadyToStartContainers", bool(status.ip) and not _over(status), begun_us),
        initialized, ready if status.ready else ready | why, whole,
    ]  # fmt: skip


def _unready(status: PodStatus, names: str) -> Json:
    if _over(status):
        return {"reason": "PodCompleted" if status.phase == "Succeeded" else "PodFailed"}
    return {"reason": "ContainersNotReady", "message": f"containers with unready status: {names}"}


def _over(status: PodStatus) -> bool:
    return status.phase in ENDED


def _names(resource: Resource, chosen: Callable[[int], bool]) -> str:
    """The containers at some places, as Go prints a list."""
    every = container_status.all_of(resource.spec)
    return f"[{' '.join(c.name for at, c in enumerate(every) if chosen(at))}]"


def _statuses(spec: Json, resource: Resource) -> Json:
    """The statuses of the containers; until the init containers are done the others wait for them."""
    status, inits = resource.status, spec.get("initContainers") or []
    each = status.containers or _alike(resource)
    shown = [_status(c, one, starting(resource)) for c, one in zip([*inits, *spec["containers"]], each, strict=True)]
    for one, container in zip(shown, inits, strict=False):
        done = one["state"].get("terminated", {}).get("exitCode") == 0
        one["ready"] = one["ready"] or (done and container.get("restartPolicy") != "Always")
    first = {"initContainerStatuses": shown[: len(inits)]} if inits else {}
    return {**first, "containerStatuses": shown[len(inits) :]}


def starting(pod: Resource) -> str:
    """What a container waits for that nothing else keeps."""
    return "PodInitializing" if pod.status.initialized < container_status.inits(pod.spec) else "ContainerCreating"


def _alike(resource: Resource) -> list[ContainerStatus]:
    """What is known of each container before its kubelet has told them apart."""
    status, number = resource.status, len(container_status.all_of(resource.spec))
    return [status] if number == 1 else [ContainerStatus(state=status.state, ready=status.ready)] * number


def _status(container: Json, one: ContainerStatus, starting: str) -> Json:
    found: Json = {
        "name": container["name"],
        "image": container.get("image", ""),
        "ready": one.ready,
        "started": one.state == "running",
        "restartCount": one.restarts,
        "state": _state(one, starting),
    }
    if one.last_termination and one.state != "terminated":
        began_us = one.previous_us if one.state == "running" else one.started_us
        found["lastState"] = {"terminated": _termination(one, one.last_termination, began_us)}
    return found


def _state(one: ContainerStatus, starting: str) -> Json:
    if one.state == "running":
        return {"running": {"startedAt": timestamp(one.started_us)}}
    if one.state == "terminated":
        return {"terminated": _termination(one, one.reason, one.started_us)}
    return {"waiting": {"reason": one.reason or starting, "message": one.message}}


def _termination(one: ContainerStatus, reason: str, began_us: int) -> Json:
    """One that was ended with its pod was killed like any other; one that never ran has not begun."""
    began = {"startedAt": timestamp(began_us)} if began_us else {}
    return {
        "reason": "Error" if reason in _WHOLE else reason,
        "exitCode": one.code,
        **began,
        "finishedAt": timestamp(one.ended_us),
    }


def ready_column(body: Json) -> str:
    """READY: containers that are, of all that are there to stay."""
    spec, status = body["spec"], body.get("status") or {}
    sidecars = _sidecars(spec)
    inits = [c for c in status.get("initContainerStatuses") or () if c["name"] in sidecars]
    found = [*inits, *(status.get("containerStatuses") or ())]
    ready = sum(bool(c["ready"]) and "running" in c["state"] for c in found)
    return f"{ready}/{len(spec.get('containers') or ()) + len(sidecars)}"


def restarts_column(body: Json) -> int:
    """RESTARTS: of the init containers while they run, afterwards of all that are there to stay."""
    return sum(int(one["restartCount"]) for one in _restarting(body))


def restarted_at(body: Json) -> str:
    """When a run before the present one of those containers last ended, "" where there was none."""
    ends = [one.get("lastState", {}).get("terminated", {}).get("finishedAt", "") for one in _restarting(body)]
    return max(ends, default="")


def _restarting(body: Json) -> list[Json]:
    status, sidecars = body.get("status") or {}, _sidecars(body["spec"])
    inits = list(status.get("initContainerStatuses") or ())
    if _initializing(inits, sidecars):
        return inits
    return [*(c for c in inits if c["name"] in sidecars), *(status.get("containerStatuses") or ())]


def status_column(body: Json) -> str:
    """STATUS: why a container waits or has ended, how far initialisation is, else the phase."""
    status = body.get("status") or {}
    ended = status.get("phase") in ENDED
    if body["metadata"].get("deletionTimestamp") and not ended:
        return "Terminating"
    inits = status.get("initContainerStatuses") or ()
    if status.get("reason"):
        return str(status["reason"])
    return _initializing(inits, _sidecars(body["spec"])) or _reason(status, _phase(status))


def _phase(status: Json) -> str:
    """The phase; a pod nobody may schedule yet says that instead."""
    gated = any(c.get("reason") == "SchedulingGated" for c in status.get("conditions") or ())
    return "SchedulingGated" if gated else str(status.get("phase", ""))


def _sidecars(spec: Json) -> list[str]:
    return [c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]


def _initializing(inits: Sequence[Json], sidecars: Sequence[str]) -> str:
    for at, one in enumerate(inits):
        state = one["state"]
        ended = state.get("terminated")
        if (ended and not ended["exitCode"]) or (one["name"] in sidecars and one.get("started")):
            continue
        reason = (ended or state.get("waiting") or {}).get("reason")
        return f"Init:{at}/{len(inits)}" if reason in (None, "", "PodInitializing") else f"Init:{reason}"
    return ""


def _reason(status: Json, reason: str) -> str:
    """The first container with one gives the reason; one that has done its work is nothing to say while others run."""
    runs = False
    for one in reversed(status.get("containerStatuses") or ()):
        state = one["state"]
        why = (state.get("waiting") or state.get("terminated") or {}).get("reason")
        reason = str(why or reason)
        runs = runs or (bool(one["ready"]) and "running" in state)
    if reason != "Completed" or not runs:
        return reason
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])
    return "Running" if ready else "NotReady"
