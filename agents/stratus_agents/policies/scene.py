"""An observation indexed once, for policies that look at it from several sides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from stratus_sim.telemetry.observation import Observation

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"


class Scene:
    """What one observation shows, each list rendered at most once."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation

    @cached_property
    def deployments(self) -> list[Json]:
        return self.observation.list("Deployment")

    @cached_property
    def services(self) -> dict[str, Json]:
        """Services by `namespace/name`."""
        return {path(service): service for service in self.observation.list("Service")}

    @cached_property
    def nodes(self) -> list[Json]:
        return self.observation.list("Node")

    @cached_property
    def pods(self) -> list[Json]:
        """The pods that are to stay."""
        return [pod for pod in self.observation.list("Pod") if "deletionTimestamp" not in pod["metadata"]]

    @cached_property
    def failing_calls(self) -> list[Json]:
        """Calls that report an error, worst first."""
        failing = [call for call in self.observation.calls() if call["error"]]
        return sorted(failing, key=lambda c: (-c["error_share"], c["caller"], c["callee"]))

    @cached_property
    def alerting_pods(self) -> set[tuple[str, str]]:
        """(namespace, name) of pods that have been unready for longer than a start takes."""
        labels = [alert["labels"] for alert in self.observation.alerts()]
        return {(found["namespace"], found["pod"]) for found in labels if "pod" in found}

    @cached_property
    def symptoms(self) -> bool:
        """Whether anything at all looks wrong."""
        return bool(self.observation.alerts() or self.failing_calls) or not all(map(is_ready, self.pods))

    @cached_property
    def events(self) -> list[Json]:
        return self.observation.events()

    def objects_with_event(self, reason: str) -> set[tuple[str, str]]:
        """(namespace, name) of what an Event with this reason is about."""
        found = [event["involvedObject"] for event in self.events if event["reason"] == reason]
        return {(thing["namespace"], thing["name"]) for thing in found}

    def has_run(self, deployment: Json, replica_set: str) -> bool:
        """Whether a pod of one of a Deployment's ReplicaSets ever started: what cannot start repairs nothing."""
        started = self.objects_with_event("Started")
        return any(h == namespace(deployment) and pod.startswith(f"{replica_set}-") for h, pod in started)

    def deployment(self, namespace_and_name: str) -> Json | None:
        return next((d for d in self.deployments if path(d) == namespace_and_name), None)

    def newest_pods(self, deployment: Json) -> list[Json]:
        """The pods of a Deployment's present template."""
        newest = self.newest_set(deployment)
        return [pod for pod in self.pods if owner(pod) == ("ReplicaSet", newest) and same_home(pod, deployment)]

    def newest_set(self, deployment: Json) -> str:
        """The name of the ReplicaSet of a Deployment's present template, empty when there is none yet."""
        history = self.observation.history(name(deployment), namespace(deployment))
        return next((h["replicaSet"] for h in history if str(h["revision"]) == revision(deployment)), "")

    def behind(self, service: Json) -> list[Json]:
        """The ready pods a Service selects."""
        chosen: Mapping[str, str] = service["spec"].get("selector") or {}
        pods = [pod for pod in self.pods if same_home(pod, service) and is_ready(pod)]
        return [pod for pod in pods if chosen and chosen.items() <= labels(pod).items()]


def name(body: Json) -> str:
    return str(body["metadata"]["name"])


def namespace(body: Json) -> str:
    return str(body["metadata"].get("namespace") or "default")


def path(body: Json) -> str:
    """`namespace/name`, as calls and metrics name workloads and Services."""
    return f"{namespace(body)}/{name(body)}"


def same_home(one: Json, other: Json) -> bool:
    return namespace(one) == namespace(other)


def labels(body: Json) -> Mapping[str, str]:
    return body["metadata"].get("labels") or {}


def revision(deployment: Json) -> str:
    return str((deployment["metadata"].get("annotations") or {}).get(REVISION, ""))


def owner(body: Json) -> tuple[str, str]:
    """(kind, name) of the controller, empty strings when there is none."""
    references = body["metadata"].get("ownerReferences") or [{}]
    return references[0].get("kind", ""), references[0].get("name", "")


def is_ready(body: Json) -> bool:
    """Whether the condition Ready of a pod or a node holds."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def ready_replicas(deployment: Json) -> int:
    return int((deployment.get("status") or {}).get("readyReplicas") or 0)


def template_containers(deployment: Json) -> list[Json]:
    return list(deployment["spec"]["template"]["spec"]["containers"])


def container_ports(container: Json) -> list[int]:
    return [int(port["containerPort"]) for port in container.get("ports") or ()]
