"""Runbook rows for pods that do not start or never become ready.

A row goes back to a revision that ran. On a first rollout, where there is none, it mends the template itself,
but only while nothing of the Deployment serves: then a wrong guess costs nobody anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stratus_agents.policies.hypotheses import Hypothesis, undo, write
from stratus_agents.policies.scene import (
    Json,
    Scene,
    container_ports,
    is_ready,
    labels,
    name,
    namespace,
    path,
    ready_replicas,
    template_containers,
)
from stratus_sim.cluster.actions import Action
from stratus_sim.manifests import quantity

_PULL_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName"}
_SCALED_AWAY = re.compile(r"Scaled down replica set (\S+) from (\d+) to 0")
_LEAST_LIMIT_MIB = 256
_PROBE_HANDLERS = ("httpGet", "tcpSocket", "grpc")


def image_cannot_be_pulled(scene: Scene) -> Iterator[Hypothesis]:
    for deployment in scene.deployments:
        if any(_waiting(pod) in _PULL_REASONS for pod in scene.newest_pods(deployment)):
            back = undo(scene, deployment, lambda template: _each(template, "image"))
            yield _hypothesis(f"{path(deployment)} asks for an image that cannot be pulled", back)


def scaled_to_zero(scene: Scene) -> Iterator[Hypothesis]:
    """A Deployment whose pods ran and that wants none now: somebody scaled it down, or its callers miss it."""
    for deployment in scene.deployments:
        if deployment["spec"].get("replicas") == 0 and scene.has_run(deployment, scene.newest_set(deployment)):
            before = _replicas_before(scene, deployment) or int(_is_called(scene, deployment))
            if before:
                wanted = write("scale", deployment, replicas=before)
                yield Hypothesis(f"{path(deployment)} was scaled to zero", (wanted,))


def no_node_matches(scene: Scene) -> Iterator[Hypothesis]:
    for deployment in scene.deployments:
        selector = deployment["spec"]["template"]["spec"].get("nodeSelector") or {}
        homeless = selector and not any(selector.items() <= labels(node).items() for node in scene.nodes)
        if homeless and any(_unschedulable(pod) for pod in scene.newest_pods(deployment)):
            back = undo(scene, deployment, lambda template: template["spec"].get("nodeSelector"))
            patch = {"spec": {"template": {"spec": {"nodeSelector": None}}}}
            free = write("patch", deployment, patch=patch)
            yield _hypothesis(
                f"{path(deployment)} selects nodes that do not exist",
                back or _on_first_rollout(scene, deployment, free),
            )


def probe_never_succeeds(scene: Scene) -> Iterator[Hypothesis]:
    unhealthy = scene.objects_with_event("Unhealthy")
    for deployment in scene.deployments:
        pods = [pod for pod in scene.newest_pods(deployment) if _runs_unready(pod)]
        if any(_mark(pod) in unhealthy & scene.alerting_pods for pod in pods):
            back = undo(scene, deployment, lambda template: _each(template, "readinessProbe"))
            fix = back or _on_first_rollout(scene, deployment, _probe_declared_port(deployment))
            yield _hypothesis(f"the readiness probe of {path(deployment)} never succeeds", fix)


def out_of_memory(scene: Scene) -> Iterator[Hypothesis]:
    for deployment in scene.deployments:
        if any(_was_killed(pod) for pod in scene.newest_pods(deployment)):
            back = undo(scene, deployment, lambda template: _each(template, "resources"))
            fix = back or _on_first_rollout(scene, deployment, _more_memory(deployment))
            yield _hypothesis(f"{path(deployment)} runs out of memory", fix)


def configuration_missing(scene: Scene) -> Iterator[Hypothesis]:
    """What was in a lost ConfigMap or Secret is not for a runbook to invent: people are told."""
    for pod in scene.pods:
        message = next((s.get("message", "") for s in _states(pod) if "not found" in s.get("message", "")), "")
        if message and not is_ready(pod) and _waiting(pod) not in _PULL_REASONS:
            yield Hypothesis(f"{path(pod)} cannot start: {message}")


def _hypothesis(cause: str, action: Action | None) -> Hypothesis:
    return Hypothesis(cause, (action,) if action is not None else ())


def _on_first_rollout(scene: Scene, deployment: Json, action: Action | None) -> Action | None:
    """The action, where there is nothing to go back to and nothing that serves."""
    history = scene.observation.history(name(deployment), namespace(deployment))
    return action if len(history) == 1 and not ready_replicas(deployment) else None


def _each(template: Json, field: str) -> list[Any]:
    return [(c["name"], c.get(field)) for c in template["spec"]["containers"]]


def _statuses(pod: Json) -> list[Json]:
    return list(pod["status"].get("containerStatuses") or ())


def _states(pod: Json) -> list[Json]:
    return [status["state"]["waiting"] for status in _statuses(pod) if "waiting" in status["state"]]


def _waiting(pod: Json) -> str:
    return next((str(state["reason"]) for state in _states(pod)), "")


def _was_killed(pod: Json) -> bool:
    ends = [(status.get("lastState") or {}).get("terminated") or {} for status in _statuses(pod)]
    return not is_ready(pod) and any(end.get("reason") == "OOMKilled" for end in ends)


def _runs_unready(pod: Json) -> bool:
    return pod["status"]["phase"] == "Running" and not is_ready(pod) and not _waiting(pod)


def _unschedulable(pod: Json) -> bool:
    return any(c.get("reason") == "Unschedulable" for c in pod["status"]["conditions"])


def _mark(pod: Json) -> tuple[str, str]:
    return namespace(pod), name(pod)


def _replicas_before(scene: Scene, deployment: Json) -> int:
    """How many replicas its present ReplicaSet had when it was last scaled to none; 0 when no Event says so."""
    newest = scene.newest_set(deployment)
    for event in reversed(scene.events):
        match = _SCALED_AWAY.fullmatch(event["message"])
        home = event["involvedObject"]["namespace"]
        if match and match[1] == newest and home == namespace(deployment):
            return int(match[2])
    return 0


def _is_called(scene: Scene, deployment: Json) -> bool:
    """Whether callers fail at a Service that selects this Deployment's pods."""
    template = deployment["spec"]["template"]
    callees = [scene.services.get(call["callee"]) for call in scene.failing_calls]
    selectors = [s["spec"].get("selector") for s in callees if s and namespace(s) == namespace(deployment)]
    return any(selector and selector.items() <= labels(template).items() for selector in selectors)


def _probe_declared_port(deployment: Json) -> Action | None:
    """Point the probes at ports their containers declare."""
    patches = [_probe_patch(c) for c in template_containers(deployment)]
    changes = [patch for patch in patches if patch is not None]
    if not changes:
        return None
    return write("patch", deployment, patch={"spec": {"template": {"spec": {"containers": changes}}}})


def _probe_patch(container: Json) -> Json | None:
    ports, probe = container_ports(container), container.get("readinessProbe") or {}
    handler = next((h for h in _PROBE_HANDLERS if h in probe), "")
    if not handler or not ports or probe[handler].get("port") in (*ports, *_port_names(container)):
        return None
    return {"name": container["name"], "readinessProbe": {handler: {"port": ports[0]}}}


def _port_names(container: Json) -> list[str]:
    return [port["name"] for port in container.get("ports") or () if "name" in port]


def _more_memory(deployment: Json) -> Action | None:
    """Four times the limit and at least what a small service needs, for every container that has one."""
    limited = [c for c in template_containers(deployment) if _memory_limit(c)]
    changes = [{"name": c["name"], "resources": {"limits": {"memory": _raised(c)}}} for c in limited]
    if not changes:
        return None
    return write("patch", deployment, patch={"spec": {"template": {"spec": {"containers": changes}}}})


def _memory_limit(container: Json) -> Any:
    return ((container.get("resources") or {}).get("limits") or {}).get("memory")


def _raised(container: Json) -> str:
    return f"{max(_LEAST_LIMIT_MIB, 4 * quantity.mib(_memory_limit(container)))}Mi"
