"""Objects as an agent sees them while something ails them: pods, Deployments, nodes, endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.world import World
from tests.telemetry.strikes import struck


def one_pod(seen: Observation, workload: str) -> dict[str, Any]:
    """The pod of a workload that is not ready."""
    pods = [p for p in seen.list("Pod") if p["metadata"]["name"].startswith(f"{workload}-")]
    return next(p for p in pods if condition(p, "Ready") == "False")


def condition(body: dict[str, Any], kind: str) -> str:
    """The status of a condition; what nobody has said anything of does not hold."""
    return next((c["status"] for c in body["status"]["conditions"] if c["type"] == kind), "False")


def test_a_deployment_and_its_history(hotel: World) -> None:
    struck(hotel, "image-pull-bad-tag", "frontend")
    seen = observe(hotel)
    deployment = seen.get("Deployment", "frontend", "hotel")
    assert deployment is not None
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    counts = {k: v for k, v in deployment["status"].items() if k.endswith("eplicas")}
    expected = {"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2}
    assert counts == {**expected, "unavailableReplicas": 0}
    assert condition(deployment, "Available") == "True"
    tags = [h["template"]["spec"]["containers"][0]["image"].rpartition(":")[2] for h in seen.history("frontend")]
    assert [(h["revision"], h["replicas"]) for h in seen.history("frontend")] == [(1, 2), (2, 1)]
    assert tags[0] == "2.3.1" and tags[1].startswith("2.3.1-")


def test_a_pod_that_cannot_pull(hotel: World) -> None:
    seen = observe(struck(hotel, "image-pull-bad-tag", "geo"))
    pod = one_pod(seen, "geo")
    waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
    assert pod["status"]["phase"] == "Pending"
    assert waiting["reason"] == "ImagePullBackOff"
    assert pod["spec"]["containers"][0]["image"] in waiting["message"]
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    [line] = seen.logs(pod["metadata"]["name"], "hotel")
    assert line.endswith("is waiting to start: ImagePullBackOff")


def test_a_pod_no_node_fits(hotel: World) -> None:
    seen = observe(struck(hotel, "pod-unschedulable-node-selector", "geo"))
    pod = one_pod(seen, "geo")
    scheduled = next(c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert [c["type"] for c in pod["status"]["conditions"]] == ["PodScheduled"]
    assert "nodeName" not in pod["spec"]
    assert "containerStatuses" not in pod["status"]
    assert seen.logs(pod["metadata"]["name"], "hotel") == []


def test_a_pod_killed_for_its_memory(hotel: World) -> None:
    seen = observe(struck(hotel, "resource-limit-oom", "geo"))
    pod = one_pod(seen, "geo")
    [status] = pod["status"]["containerStatuses"]
    assert {"reason": "OOMKilled", "exitCode": 137}.items() <= status["lastState"]["terminated"].items()
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["restartCount"] >= 2
    assert seen.logs(pod["metadata"]["name"], "hotel")[-1] == "Killed"


def test_probe_failures_are_events_and_not_logs(hotel: World) -> None:
    seen = observe(struck(hotel, "readiness-probe-misconfig", "geo"))
    pod = one_pod(seen, "geo")["metadata"]["name"]
    [event] = [e for e in seen.events("hotel") if e["reason"] == "Unhealthy"]
    assert event["involvedObject"] == {"kind": "Pod", "namespace": "hotel", "name": pod}
    assert [line for line in seen.logs(pod, "hotel") if "robe" in line] == []


def test_a_lost_node(hotel: World) -> None:
    healthy = observe(hotel).get("Node", "node-1")
    assert healthy is not None
    assert (condition(healthy, "Ready"), healthy["status"]["allocatable"]["cpu"]) == ("True", "3800m")
    struck(hotel, "kubelet-crash", "node-1", after_s=20)
    silent = observe(hotel).get("Node", "node-1")
    assert silent is not None
    assert condition(silent, "Ready") == "True", "the control plane has not noticed yet, and neither can anybody else"
    hotel.run_for(70 * SECOND_US)
    seen = observe(hotel)
    lost = seen.get("Node", "node-1")
    assert lost is not None
    assert condition(lost, "Ready") == "Unknown"
    assert lost["spec"]["taints"][0]["key"] == "node.kubernetes.io/unreachable"
    assert {"alertname": "KubeNodeNotReady", "node": "node-1", "severity": "critical"} in [
        alert["labels"] for alert in seen.alerts()
    ]
    assert "NodeNotReady" in [event["reason"] for event in seen.events() if event["involvedObject"]["kind"] == "Node"]


def test_endpoints_follow_readiness_and_ports(hotel: World) -> None:
    found = observe(hotel).get("EndpointSlice", "frontend")
    assert found is not None
    assert found["ports"] == [{"port": 5000}]
    assert len(found["endpoints"]) == 2
    struck(hotel, "scale-to-zero", "frontend")
    emptied = observe(hotel).get("EndpointSlice", "frontend")
    assert emptied is not None
    assert (emptied["ports"], emptied["endpoints"]) == ([], [])


def test_every_object_has_a_uuid_of_its_own(hotel: World) -> None:
    seen = observe(hotel)
    kinds = sorted({key.kind for key in hotel.store.state.objects})
    found = [one["metadata"]["uid"] for kind in kinds for one in seen.list(kind)]
    assert len(set(found)) == len(found) > 50
    assert {UUID(uid).version for uid in found} == {4}
