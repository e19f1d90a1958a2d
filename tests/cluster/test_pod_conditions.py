"""The conditions of a pod as scheduler and kubelet write them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import nodes
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import node, only, placed, put, web

Json = dict[str, Any]


def conditions(world: World, pod: Resource) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message by type, in order."""
    found = render(world, pod)["status"]["conditions"]
    return {c["type"]: (c["status"], c.get("reason", ""), c.get("message", "")) for c in found}


HOLDS = ("True", "", "")
DEAD = {"readinessProbe": {"tcpSocket": {"port": 1}}}


def unready(names: str) -> tuple[str, str, str]:
    return "False", "ContainersNotReady", f"containers with unready status: [{names}]"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (web(), (HOLDS, HOLDS, HOLDS, HOLDS)),
        (web(sidecar=DEAD), (HOLDS, HOLDS, unready("sidecar"), unready("sidecar"))),
        (web(image="no:such", sidecar=DEAD), (HOLDS, HOLDS, *2 * (unready("web sidecar"),))),
        (
            placed(web(), readinessGates=[{"conditionType": "example.org/gate"}]),
            (HOLDS, HOLDS, ("False", "ReadinessGatesNotReady", ""), HOLDS),
        ),
        (
            placed(web(), initContainers=[{"name": n, "image": "a:1", "command": ["sleep", "900"]} for n in "ij"]),
            (
                HOLDS, ("False", "ContainersNotInitialized", "containers with incomplete status: [i j]"),
                *2 * (unready("web"),),
            ),
        ),
    ],
)  # fmt: skip
def test_what_a_kubelet_says_of_its_pods(manifest: Json, expected: tuple[Any, ...]) -> None:
    world = put(mesh(), manifest)
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
    assert conditions(world, only(world)) == {**dict(zip(kinds, expected, strict=True)), "PodScheduled": HOLDS}


@pytest.mark.parametrize(
    ("own", "init", "quality"),
    [
        ({}, {}, "BestEffort"),
        ({}, {"requests": {"cpu": "1m"}}, "Burstable"),
        ({"limits": {"cpu": "1m", "memory": "8Mi"}}, {"limits": {"cpu": "1m", "memory": "8Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1m", "memory": "8Mi"}}, {}, "Burstable"),
    ],
)
def test_init_containers_count_for_the_quality_of_service(own: Json, init: Json, quality: str) -> None:
    inits = [{"name": "i", "image": "a:1", "resources": init}]
    world = put(mesh(), placed(web(resources=own), initContainers=inits))
    assert render(world, only(world))["status"]["qosClass"] == quality


def test_a_pod_knows_its_address_and_when_it_came() -> None:
    variable = {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-p"}}
    world = put(mesh(), {**pod, "spec": {"containers": [{"name": "c", "image": "a:1", "env": [variable]}]}}, seconds=0)
    came_us = world.now_us
    assert only(world).status.since_us == came_us
    world.run_for(30 * SECOND_US)
    status = only(world).status
    assert status.ip.startswith("10.")
    assert status.env["c"] == {"IP": status.ip}


def test_a_process_is_told_where_it_runs_and_what_it_was_given() -> None:
    paths = ("status.hostIP", "status.podIP", "status.podIPs", "metadata.annotations['a/b']")
    env = [{"name": path, "valueFrom": {"fieldRef": {"fieldPath": path}}} for path in paths]
    env += [{"name": "room", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}}]
    spec = {"nodeName": "m", "hostNetwork": True, "containers": [{"name": "c", "image": "a:1", "env": env}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-p", "annotations": {"a/b": "x"}}, "spec": spec}
    address = {
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}], "allocatable": {"memory": "2Gi"}}
    }
    world = put(mesh(), {**node("m"), **address}, pod)
    assert only(world).status.ip == "192.0.2.7"
    assert only(world).status.env["c"] == {**dict.fromkeys(paths[:3], "192.0.2.7"), paths[3]: "x", "room": "2048"}


def test_a_node_that_declares_no_address_has_one_of_its_own() -> None:
    world = put(mesh(), node("m"), node("n"))
    found = {nodes.address(one) for one in world.store.list("Node")}
    assert len(found) == len(world.store.list("Node")) and all(one.startswith("10.0.") for one in found)


def test_a_pod_without_its_volumes_has_no_network_yet() -> None:
    world = put(mesh(), placed(web(), volumes=[{"name": "v", "secret": {"secretName": "missing"}}]))
    assert conditions(world, only(world))["PodReadyToStartContainers"][0] == "False"


def test_a_pod_without_a_node_has_only_what_the_scheduler_says() -> None:
    world = put(mesh(), placed(web(), nodeSelector={"no": "where"}))
    (found,) = conditions(world, only(world)).items()
    assert found[0] == "PodScheduled"
    assert found[1][:2] == ("False", "Unschedulable")


@pytest.mark.parametrize(("code", "reason"), [(0, "PodCompleted"), (3, "PodFailed")])
def test_a_pod_that_has_ended_says_how(code: int, reason: str) -> None:
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "c", "image": "a:1", "command": ["sh", "-c", f"exit {code}"]}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-p"}, "spec": spec}
    world = put(mesh(), pod)
    found = conditions(world, only(world))
    assert found["Ready"] == found["ContainersReady"] == ("False", reason, "")
    assert found["PodReadyToStartContainers"][0] == "False"
