"""Init containers and sidecars: order, failure, and what is shown meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.telemetry.render_pods import status_column
from stratus_sim.world import World
from tests.application.mesh import mesh
from tests.cluster.test_kubelet import after, messages, only, placed, pods, put, web
from tests.cluster.workloads import cluster, job, members


def init(name: str, command: str = "true", **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "a:1", "command": ["sh", "-c", command], **fields}


def started(world: World, *inits: dict[str, Any], seconds: int = 30, **pod: Any) -> World:
    return put(world, placed(web(), initContainers=[*inits], **pod), seconds=seconds)


def shown(world: World, pod: Resource) -> tuple[list[str], list[str]]:
    """The states of init containers and of containers, in short."""
    status = render(world, pod)["status"]
    states = [[c["state"] for c in status[field]] for field in ("initContainerStatuses", "containerStatuses")]
    return tuple([next(iter(s)) + ":" + str(s[next(iter(s))].get("reason", "")) for s in of] for of in states)  # type: ignore[return-value]


def kubectl(world: World) -> str:
    """The column STATUS of `kubectl get pods` for the one pod."""
    return status_column(render(world, only(world)))


def test_they_run_one_after_the_other_and_the_containers_after_the_last() -> None:
    world = started(mesh(), init("one", "sleep 20"), init("two", "sleep 40"), seconds=15)
    assert (only(world).status.phase, only(world).status.reason) == ("Pending", "PodInitializing")
    assert shown(world, only(world)) == (["running:", "waiting:PodInitializing"], ["waiting:PodInitializing"])
    assert kubectl(world) == "Init:0/2"
    world.run_for(20 * SECOND_US)
    assert shown(world, only(world))[0] == ["terminated:Completed", "running:"]
    assert not only(world).status.ready
    took = 35 + after(world, lambda: only(world).status.ready)
    assert 61 <= took <= 70
    assert shown(world, only(world)) == (["terminated:Completed"] * 2, ["running:"])


def test_one_that_fails_is_tried_again_with_a_back_off_and_nothing_else_starts() -> None:
    world = started(mesh(), init("one"), init("bad", "exit 3"), seconds=100)
    pod = only(world)
    assert (pod.status.phase, pod.status.initialized) == ("Pending", 1)
    assert pod.status.restarts == 4 and pod.status.ready is False
    assert [m.split(" in pod")[0] for m in messages(world, "BackOff")] == ["Back-off restarting failed container bad"]
    assert shown(world, pod) == (["terminated:Completed", "waiting:CrashLoopBackOff"], ["waiting:PodInitializing"])
    assert kubectl(world) == "Init:CrashLoopBackOff"
    assert "Started container web" not in [e.message for e in world.cluster.events.values() if e.involved == pod.key]


@pytest.mark.parametrize(("policy", "phase"), [("Never", "Failed"), ("OnFailure", "Pending")])
def test_the_restart_policy_decides_whether_a_failed_one_fails_the_pod(policy: str, phase: str) -> None:
    manifest = job(policy=policy, backoffLimit=6)
    manifest["spec"]["template"]["spec"]["initContainers"] = [init("bad", "exit 1", image="w:1")]
    world = cluster(manifest, seconds=8)
    assert {pod.status.phase for pod in world.store.list("Pod")} == {phase}
    assert len(members(world, "Job")) == (0 if policy == "Never" else 1)


def test_a_sidecar_holds_up_the_next_until_its_startup_probe_succeeds_and_then_stays() -> None:
    probe = {"tcpSocket": {"port": 80}, "initialDelaySeconds": 30}
    side = init("side", "serve", restartPolicy="Always", startupProbe=probe)
    world = started(mesh(), side, init("two"), seconds=25)
    assert only(world).status.initialized == 0
    world.run_for(30 * SECOND_US)
    assert only(world).status.ready
    assert shown(world, only(world)) == (["running:", "terminated:Completed"], ["running:"])


def test_a_sidecar_counts_for_readiness_and_ends_with_a_job() -> None:
    unready = {"tcpSocket": {"port": 1}}
    world = started(mesh(), init("side", "serve", restartPolicy="Always", readinessProbe=unready))
    assert (only(world).status.phase, only(world).status.ready) == ("Running", False)
    manifest = job(command="sleep 2")
    manifest["spec"]["template"]["spec"]["initContainers"] = [
        init("side", "serve", image="w:1", restartPolicy="Always")
    ]
    done = cluster(manifest, seconds=60)
    (pod,) = done.store.list("Pod")
    assert pod.status.phase == "Succeeded"
    assert shown(done, pod)[0] == ["terminated:Completed"]


def test_they_do_not_run_again_when_a_container_does() -> None:
    dead = {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}
    manifest = placed(web(livenessProbe=dead), initContainers=[init("one")])
    world = put(mesh(), manifest, seconds=60)
    assert only(world).status.restarts > 1
    (event,) = [e for e in world.cluster.events.values() if e.message == "Started container one"]
    assert event.count == 1


def test_what_their_environment_lacks_keeps_the_pod_from_starting() -> None:
    lacks = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}}
    world = started(mesh(), init("one", env=[lacks]))
    assert (only(world).status.reason, only(world).status.message) == (
        "CreateContainerConfigError", 'secret "s" not found',
    )  # fmt: skip
    put(world, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"q": "x"}})
    assert only(world).status.message == "couldn't find key p in Secret default/s"
    put(world, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "x"}})
    assert only(world).status.ready


def test_a_pod_that_goes_while_it_initialises_leaves_nothing_behind() -> None:
    world = started(mesh(), init("one", "sleep 500"), seconds=15)
    put(world, {**placed(web(), initContainers=[init("one", "sleep 500")]), "spec": {**web()["spec"], "replicas": 0}})
    assert pods(world) == []
    world.run_for(600 * SECOND_US)
    assert len(world.kernel.timers) == 0


@pytest.mark.parametrize("command", ["until nc -z db 5432; do sleep 60; done", "test -f /data/x || exit 1"])
def test_one_that_depends_on_what_it_finds_is_taken_to_find_it(command: str) -> None:
    assert only(started(mesh(), init("wait", command))).status.ready
