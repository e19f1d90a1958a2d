"""Pods with several containers: each has a fate of its own, and the pod's follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_agents.kubectl.tables import columns
from stratus_sim.cluster import api, container_status, nodes
from stratus_sim.cluster.objects import Resource
from stratus_sim.cluster.status import ContainerStatus
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.serve import tables
from stratus_sim.telemetry.render import Json, render
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh
from tests.cluster.test_kubelet import after, messages, node, only, placed, put, web
from tests.cluster.workloads import cluster, job, members

PLAIN = {"image": "a:1"}
DEAD = {"tcpSocket": {"port": 1}, "periodSeconds": 5, "failureThreshold": 1}


def each(world: World) -> tuple[ContainerStatus, ...]:
    found: tuple[ContainerStatus, ...] = only(world).status.containers
    return found


def row(world: World, pod: Resource) -> tuple[list[Any], list[Any]]:
    """READY, STATUS and RESTARTS as the served table, but for how long ago, and as the agents' kubectl print them."""
    body = render(world, pod)
    names, cells = columns("Pod", False)
    served = tables.table("Pod", [{**body}], "2025-01-01T01:00:00Z", "1", "None")
    names_shown = (column["name"].upper() for column in served["columnDefinitions"])
    printed = dict(zip(names_shown, served["rows"][0]["cells"], strict=True))
    printed["RESTARTS"] = int(str(printed["RESTARTS"]).partition(" (")[0])
    return [printed[name] for name in names], cells(body)


def states(world: World, pod: Resource) -> dict[str, Json]:
    status = render(world, pod)["status"]
    return {c["name"]: c for c in (*status.get("initContainerStatuses", ()), *status["containerStatuses"])}


def two(*jobs: str, policy: str = "Never", inits: list[Json] | None = None) -> World:
    """A Job of one pod with a container for each command."""
    manifest = job(policy=policy)
    containers = [{"name": f"c{n}", "image": "w:1", "command": ["sh", "-c", c]} for n, c in enumerate(jobs)]
    manifest["spec"]["template"]["spec"] |= {"containers": containers, **({"initContainers": inits} if inits else {})}
    return cluster(manifest)


def pod_of(world: World) -> Resource:
    (pod,) = members(world, "Job") or world.store.list("Pod")
    return pod


def test_one_of_two_crashing_restarts_alone() -> None:
    world = put(mesh(), web(sidecar={"livenessProbe": DEAD}), seconds=0)
    after(world, lambda: only(world).status.restarts == 2)
    world.run_for(12 * SECOND_US)
    healthy, crashing = each(world)
    assert (healthy.state, healthy.ready, healthy.restarts) == ("running", True, 0)
    assert (crashing.state, crashing.reason, crashing.restarts) == ("waiting", "CrashLoopBackOff", 2)
    assert (only(world).status.phase, only(world).status.ready) == ("Running", False)
    assert row(world, only(world)) == (["1/2", "CrashLoopBackOff", 2], ["1/2", "CrashLoopBackOff", 2])
    found = states(world, only(world))
    assert found["web"]["state"]["running"]["startedAt"] and "lastState" not in found["web"]
    assert found["sidecar"]["lastState"]["terminated"]["exitCode"] == 143
    (started,) = [e for e in world.cluster.events.values() if e.message == "Started container web"]
    assert started.count == 1


def test_the_restarts_of_a_pod_are_those_of_all_its_containers() -> None:
    world = put(mesh(), web(livenessProbe=DEAD, sidecar={"livenessProbe": DEAD}), seconds=90)
    assert only(world).status.restarts == sum(one.restarts for one in each(world)) >= 4
    assert row(world, only(world))[0][2] == only(world).status.restarts


def test_a_pod_is_ready_when_all_its_containers_are() -> None:
    late = {"readinessProbe": {"exec": {}, "initialDelaySeconds": 20}}
    world = put(mesh(), web(sidecar=late), seconds=15)
    assert [one.ready for one in each(world)] == [True, False]
    assert not only(world).status.ready
    assert row(world, only(world))[0] == ["1/2", "Running", 0]
    world.run_for(15 * SECOND_US)
    assert only(world).status.ready and row(world, only(world))[0] == ["2/2", "Running", 0]


def test_an_image_nobody_has_keeps_its_container_waiting_and_no_other() -> None:
    world = put(mesh(), web(sidecar={"image": "no:such"}), seconds=30)
    assert [one.state for one in each(world)] == ["running", "waiting"]
    assert (only(world).status.phase, only(world).status.ready) == ("Pending", False)
    assert row(world, only(world))[0][:2] in (["1/2", "ErrImagePull"], ["1/2", "ImagePullBackOff"])


def test_what_one_containers_environment_lacks_is_looked_up_again_for_it_alone() -> None:
    lacks = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}}
    world = put(mesh(), web(sidecar={"env": [lacks]}))
    assert [one.reason for one in each(world)] == ["", "CreateContainerConfigError"]
    began = each(world)[0].started_us
    put(world, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "x"}})
    assert only(world).status.ready and only(world).status.env["sidecar"] == {"P": "x"}
    assert (each(world)[0].started_us, each(world)[0].restarts) == (began, 0)


def test_memory_kills_the_container_that_is_short_of_it() -> None:
    manifest = deployment("web")
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers[0]["resources"] = {"limits": {"memory": "10Mi"}}
    containers.append({"name": "beside", "image": "a:1"})
    world = mesh("a>web", profile=Profile(memory_mib=64))
    put(world, manifest, seconds=40)
    pod = max((p for p in world.store.list("Pod") if p.key.name.startswith("web-")), key=lambda p: p.uid)
    short, beside = pod.status.containers
    assert (short.last_termination, short.code) == ("OOMKilled", 137)
    assert (beside.state, beside.restarts, beside.last_termination) == ("running", 0, "")


def test_containers_start_one_after_the_other_and_a_post_start_hook_holds_up_the_next() -> None:
    hook = {"lifecycle": {"postStart": {"exec": {"command": ["sleep", "20"]}}}}
    world = put(mesh(), web(sidecar=PLAIN, **hook), seconds=15)
    assert [one.state for one in each(world)] == ["running", "waiting"]
    world.run_for(20 * SECOND_US)
    first, second = (one.started_us for one in each(world))
    assert second - first >= 20 * SECOND_US and only(world).status.ready


def test_a_pod_ends_with_the_last_of_its_containers_and_fails_with_any() -> None:
    world = two("sleep 5", "sleep 30; exit 4")
    world.run_for(20 * SECOND_US)
    assert pod_of(world).status.phase == "Running"
    assert row(world, pod_of(world))[0] == ["1/2", "NotReady", 0]
    world.run_for(20 * SECOND_US)
    ended = next(pod for pod in world.store.list("Pod") if pod.status.phase == "Failed")
    assert [(one.reason, one.code) for one in ended.status.containers] == [("Completed", 0), ("Error", 4)]
    assert states(world, ended)["c1"]["state"]["terminated"]["exitCode"] == 4


def test_on_failure_restarts_the_one_that_failed_and_not_the_one_that_is_done() -> None:
    world = two("sleep 2", "sleep 40; exit 1", policy="OnFailure")
    world.run_for(60 * SECOND_US)
    done, failing = pod_of(world).status.containers
    assert (done.state, done.reason, done.restarts) == ("terminated", "Completed", 0)
    assert failing.restarts == 1 and pod_of(world).status.phase == "Running"


def test_a_sidecar_that_crashes_restarts_alone_whatever_the_policy_of_the_pod() -> None:
    side = {"name": "side", "image": "w:1", "restartPolicy": "Always", "livenessProbe": DEAD}
    world = two("sleep 60", inits=[side])
    world.run_for(20 * SECOND_US)
    beside, own = pod_of(world).status.containers
    assert beside.restarts >= 1 and (own.state, own.restarts) == ("running", 0)
    assert row(world, pod_of(world))[0][0] in ("1/2", "2/2")


def test_sidecars_end_after_the_containers_and_last_started_first() -> None:
    hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 4}}}}
    sides = [{"name": n, "image": "a:1", "restartPolicy": "Always", **hook} for n in ("s1", "s2")]
    world = put(mesh(), placed(web(lifecycle=hook["lifecycle"]), initContainers=sides))
    assert row(world, only(world))[0] == ["3/3", "Running", 0]
    key = only(world).key
    api.delete(world, key, "test")
    assert 12 <= after(world, lambda: world.store.get(key) is None) <= 19
    stopped = [m for m in messages(world, "Killing") if m.startswith("Stopping container")]
    assert sorted(stopped) == [f"Stopping container {name}" for name in ("s1", "s2", "web")]


def test_a_readiness_gate_nobody_opens_keeps_a_pod_from_being_ready() -> None:
    world = put(mesh(), placed(web(), readinessGates=[{"conditionType": "lb/ready"}]))
    assert [one.ready for one in each(world)] == [True]
    assert not only(world).status.ready
    assert row(world, only(world))[0] == ["1/1", "Running", 0]
    met = {"conditions": [{"type": "lb/ready", "status": "True"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-p", "labels": {"app": "other"}}, "status": met}
    spec = {"containers": [{"name": "web", "image": "a:1"}], "readinessGates": [{"conditionType": "lb/ready"}]}
    put(world, {**pod, "spec": spec})
    assert next(p for p in world.store.list("Pod") if p.key.name == "web-p").status.ready


def test_a_node_that_starts_anew_starts_all_containers_again() -> None:
    one = {"name": "one", "image": "a:1", "command": ["true"]}
    world = put(mesh(extra=[node("n")]), placed(web(sidecar=PLAIN), initContainers=[one]))
    nodes.crash(world, "n")
    world.run_for(30 * SECOND_US)
    nodes.restore(world, "n")
    after(world, lambda: not only(world).status.ready)
    assert [s.last_termination for s in each(world)] == ["Completed", "Unknown", "Unknown"]
    world.run_for(30 * SECOND_US)
    assert [s.restarts for s in each(world)] == [1, 1, 1] and only(world).status.ready
    assert messages(world, "SandboxChanged")


@pytest.mark.parametrize("seconds", [2, 4, 6, 8, 12])
def test_a_node_lost_while_containers_start_or_wait_starts_them_when_it_is_back(seconds: int) -> None:
    """The second container waits for its image or to be started again when the timers it waits for are lost."""
    one = {"name": "one", "image": "a:1", "command": ["sleep", "2"]}
    crashing = {"image": "a:1", "livenessProbe": {**DEAD, "periodSeconds": 1}}
    world = put(mesh(extra=[node("n")]), placed(web(sidecar=crashing), initContainers=[one]), seconds=seconds)
    nodes.crash(world, "n")
    world.run_for(35 * SECOND_US)
    nodes.restore(world, "n")
    world.run_for(12 * SECOND_US)
    assert each(world)[1].state == "running"
    assert after(world, lambda: each(world)[2].state == "running") <= 20


@pytest.mark.parametrize(("policy", "phase"), [("OnFailure", "Running"), ("Never", "Failed")])
def test_who_is_done_is_not_started_again_with_the_node(policy: str, phase: str) -> None:
    world = two("sleep 2", "sleep 300", policy=policy)
    world.run_for(20 * SECOND_US)
    pod = pod_of(world)
    nodes.crash(world, pod.status.node)
    world.run_for(20 * SECOND_US)
    nodes.restore(world, pod.status.node)
    world.run_for(20 * SECOND_US)
    found = world.store.get(pod.key)
    assert found is not None and found.status.phase == phase
    done, lost = found.status.containers
    assert (done.reason, done.restarts, lost.last_termination, lost.code) == ("Completed", 0, "Unknown", 255)
    assert lost.restarts == (1 if policy == "OnFailure" else 0)


def test_a_pod_with_one_container_has_its_status_to_itself() -> None:
    world = put(mesh(), web())
    assert only(world).status.containers == ()
    assert container_status.of(only(world), 0) is only(world).status
    assert container_status.running(only(world)) == only(world).spec.containers


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"reason": "Evicted", "phase": "Failed"}, "Evicted"),
        ({"phase": "Pending", "containerStatuses": []}, "Pending"),
    ],
)
def test_what_a_pod_without_container_states_shows(status: Json, shown: str) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}, "status": {"conditions": [], **status}}
    assert columns("Pod", False)[1](body)[1] == shown
