"""Objects that rules and metrics are tried on, as `small` reads them."""

from __future__ import annotations

import json
from typing import Any

from tests.application.mesh import deployment, service

Object = dict[str, Any]
FAILS = ("sh", "-c", "sleep 1; exit 3")
DAY = ("sleep", "100000")


def text(*objects: Object) -> str:
    """Manifests as one YAML file."""
    return "\n---\n".join(map(json.dumps, objects))


def job(name: str, *command: str, **spec: Any) -> Object:
    """A Job of one container, which runs `command`; `spec` are further fields of it."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i", "command": [*command]}]}
    return {**_named("batch/v1", "Job", name), "spec": {"template": {"spec": pod}, **spec}}


def web(replicas: int, **resources: Any) -> Object:
    found = deployment("web", replicas)
    found["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return found


def autoscaler(name: str, low: int, high: int) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": target}
    return {**_named("autoscaling/v2", "HorizontalPodAutoscaler", name), "spec": spec}


def budget(name: str, at_least: int) -> Object:
    spec = {"minAvailable": at_least, "selector": {"matchLabels": {"app": name}}}
    return {**_named("policy/v1", "PodDisruptionBudget", name), "spec": spec}


def claim(name: str, storage_class: str) -> Object:
    wanted = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, "resources": wanted}
    return {**_named("v1", "PersistentVolumeClaim", name), "spec": spec}


def _named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


BATCH = (
    job("doomed", *FAILS, backoffLimit=0),
    claim("data", "none-such"),
    web(3, requests={"cpu": "250m", "memory": "64Mi"}),
    autoscaler("web", 2, 5),
    budget("web", 1),
)
"""A Job that fails, a claim nobody binds, and a Deployment with an autoscaler and a budget."""


def database() -> tuple[Object, Object]:
    """A StatefulSet with an init container, one that runs and one that fails, and its Service."""
    found = deployment("db", None, kind="StatefulSet", initContainers=[{"name": "first", "image": "i"}])
    pod = found["spec"]["template"]["spec"]
    pod["initContainers"][0]["command"] = ["sh", "-c", "exit 0"]
    pod["containers"][0]["resources"] = {"limits": {"cpu": "250m", "memory": "64Mi"}}
    pod["containers"].append({"name": "fails", "image": "i", "command": ["sh", "-c", "exit 1"]})
    return found, service("db")
