"""Series as kube-state-metrics told them of the same objects, read from the served API at the same instant.

It was v2.15; what v2.17 says otherwise (the release for Kubernetes 1.33) has tests of its own. Of ids, addresses and
names that are drawn, and of the one namespace there is, nothing is said: see `told`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.metrics import METRICS, exposition
from stratus_sim.world import World
from tests.application.mesh import deployment, service
from tests.telemetry.manifests import FAILS, autoscaler, budget, claim, job, text
from tests.telemetry.test_metrics import Series, series

IDS = {"uid", "container_id", "image_id", "pod_ip", "host_ip", "node", "ip", "cluster_ip", "namespace"}
DRAWN = re.compile(r"-[0-9a-f]{10}(-\w{5})?$|(?<=^good)-\w{5}$|(?<=^doomed)-\w{5}$")
ANSWERS = Path(__file__).parent / "kube_state"
Small = Callable[..., World]


def of(kind: str, version: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return of("Pod", "v1", name, spec={"containers": [{"name": "c", "image": "i:1"}], **spec})


def workloads() -> str:
    web = deployment("web", 3)
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "250m", "memory": "64Mi"}}
    web["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1}}
    log = {"name": "log", "image": "l:1", "restartPolicy": "Always"}
    init = [log, {"name": "first", "image": "f:1", "command": ["true"]}]
    scaler = autoscaler("web", 2, 5)
    del scaler["spec"]["minReplicas"]
    return text(
        web, service("web"), scaler, budget("web", 2), deployment("db", 1, kind="StatefulSet", initContainers=init),
        job("good", "sh", "-c", "exit 0"), job("doomed", *FAILS, backoffLimit=0), job("idle", "true", suspend=True),
        of("CronJob", "batch/v1", "often", spec={
            "schedule": "*/7 * * * *", "jobTemplate": job("often", "true"), "startingDeadlineSeconds": 100}),
    )  # fmt: skip


def things() -> str:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    rules = [{"host": "a.example.org", "http": {"paths": [path]}}]
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "mine", "readOnly": True}}
    disk = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/d"}}
    tls = [{"hosts": ["a"], "secretName": "s"}]
    limits = [{"type": "Container", "default": {"cpu": "1", "memory": "2Gi"}, "max": {"cpu": "1500m"}}]
    return text(
        pod("lone", volumes=[volume], overhead={"cpu": "10m"}, restartPolicy="Never"),
        pod("gpu", nodeSelector={"gpu": "yes"}),
        of("PersistentVolume", "v1", "disk", spec={**disk, "storageClassName": "manual"}),
        claim("mine", "manual"), claim("nobody", "none-such"),
        of("StorageClass", "storage.k8s.io/v1", "slow", provisioner="example.org/disk"),
        of("LimitRange", "v1", "room", spec={"limits": limits}),
        of("ResourceQuota", "v1", "some", spec={"hard": {"pods": "9", "requests.cpu": "2500m"}}),
        of("Service", "v1", "out", spec={"type": "ExternalName", "externalName": "example.org"}),
        of("Service", "v1", "door", spec={"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80}]}),
        of("Ingress", "networking.k8s.io/v1", "in", spec={"rules": rules, "tls": tls}),
        of("NetworkPolicy", "networking.k8s.io/v1", "deny", spec={"podSelector": {}, "ingress": [{}]}),
        of("Secret", "v1", "s", data={"a": "MQ=="}),
    )  # fmt: skip


def told(found: Series) -> Series:
    """Series without what is drawn; those that differ in nothing else are one."""
    return {
        (name, frozenset((label, DRAWN.sub("", value)) for label, value in labels if label not in IDS)): value
        for (name, labels), value in found.items()
    }


def after_a_minute(small: Small, manifests: str) -> World:
    world = small(manifests)
    world.run_for(60 * SECOND_US)
    return world


@pytest.mark.parametrize(("manifests", "answers"), [(workloads(), "workloads.txt"), (things(), "things.txt")])
def test_series_are_those_of_kube_state_metrics(small: Small, manifests: str, answers: str) -> None:
    expected = series((ANSWERS / answers).read_text())
    names = sorted({name for name, _ in expected})
    assert len(names) > 15
    assert told(series(exposition(after_a_minute(small, manifests), names))) == expected


def test_what_came_with_the_release_for_kubernetes_1_33(small: Small) -> None:
    newer = ["kube_ingress_path", "kube_pod_status_unscheduled_time", "kube_persistentvolume_info"]
    found = told(series(exposition(after_a_minute(small, things()), newer)))
    labels = {name: dict(pairs) for name, pairs in found}
    assert (labels["kube_ingress_path"]["path_type"], labels["kube_ingress_path"]["service_port"]) == ("Prefix", "80")
    assert labels["kube_persistentvolume_info"]["reclaim_policy"] == "Retain"
    assert labels["kube_pod_status_unscheduled_time"] == {"pod": "gpu"}


def test_a_reason_of_a_deployment_nobody_has_listed_is_unknown(small: Small) -> None:
    short = of("ResourceQuota", "v1", "none", spec={"hard": {"pods": "0"}})
    found = series(
        exposition(after_a_minute(small, text(short, deployment("web"))), ["kube_deployment_status_condition"])
    )
    told_of = {dict(labels)["condition"]: dict(labels)["reason"] for _, labels in found}
    assert told_of["ReplicaFailure"] == "unknown"
    assert told_of["Available"] == "MinimumReplicasUnavailable"


def test_a_pod_of_a_daemon_on_a_node_it_should_not_be_on_counts_as_that_alone(small: Small) -> None:
    """As the daemon set controller's status has it: what is ready, available or up to date is so where it is wanted."""
    tainted = of("Node", "v1", "n"), of("Node", "v1", "m")
    world = after_a_minute(small, text(*tainted, deployment("agent", None, kind="DaemonSet")))
    taints = [{"key": "k", "effect": "NoSchedule"}]
    api.put(world, {**of("Node", "v1", "n"), "spec": {"taints": taints}}, "test")
    world.run_for(SECOND_US)
    found = series(exposition(world, [name for name in METRICS if name.startswith("kube_daemonset_status_")]))
    counts = {name.removeprefix("kube_daemonset_status_"): value for (name, _), value in found.items()}
    assert counts.pop("observed_generation") == 1
    assert counts == {
        "desired_number_scheduled": 1, "current_number_scheduled": 1, "number_misscheduled": 1, "number_ready": 1,
        "number_available": 1, "number_unavailable": 0, "updated_number_scheduled": 1,
    }  # fmt: skip


LATER = (
    "kube_job_status_ready", "kube_pod_init_container_state_started",
    "kube_pod_init_container_status_last_terminated_exitcode",
)  # fmt: skip


def test_what_later_releases_tell_is_not_told() -> None:
    assert not {*LATER} & METRICS.keys()
    assert {"kube_horizontalpodautoscaler_created", "kube_deployment_deletion_timestamp"} <= METRICS.keys()
