"""Kubelet, probes, scheduler and nodes: when a pod starts, restarts, waits, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.kubelet.duty import Run
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey, Resource, uuid_of
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, scale


def node(name: str, allocatable: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"disk": name}}
    status = {"status": {"allocatable": dict(allocatable)}} if allocatable else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, **status}


def web(replicas: int = 1, sidecar: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Deployment `web`; `fields` are of its container, `sidecar` is a second one."""
    manifest = deployment("web", replicas)
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers[0].update({"image": "a:1", "resources": {}, **fields})
    containers += [{"name": "sidecar", "image": "a:1", **sidecar}] if sidecar else []
    return manifest


def placed(manifest: dict[str, Any], **pod: Any) -> dict[str, Any]:
    return strategic_merge(manifest, {"spec": {"template": {"spec": pod}}})


def put(world: World, *manifests: Mapping[str, Any], seconds: int = 30) -> World:
    for manifest in manifests:
        api.put(world, manifest, "test")
    world.run_for(seconds * SECOND_US)
    return world


def pods(world: World) -> list[Resource]:
    return [p for p in world.store.list("Pod") if p.key.name.startswith("web-") and not p.deleting]


def only(world: World) -> Resource:
    (pod,) = pods(world)
    return pod


def youngest(world: World) -> Resource:
    return max(pods(world), key=lambda pod: pod.uid)


def messages(world: World, reason: str) -> list[str]:
    return [e.message for e in world.cluster.events.values() if e.reason == reason]


def after(world: World, change: Any) -> int:
    """Whole seconds until `change()` is true."""
    for second in range(1000):
        if change():
            return second
        world.run_for(SECOND_US)
    raise AssertionError("never")


def test_back_off_doubles_from_ten_seconds_to_five_minutes() -> None:
    dead = {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}
    world = put(mesh(), web(livenessProbe=dead), seconds=5)
    waits: dict[str, None] = {}
    for _ in range(1500):
        world.run_for(SECOND_US)
        if only(world).status.reason == "CrashLoopBackOff":
            waits[only(world).status.message] = None
    pod = f"{only(world).key.name}_default({uuid_of(only(world).uid)})"
    said = f"restarting failed container=web pod={pod}"
    assert [*waits] == [f"back-off {seconds}s {said}" for seconds in (10, 20, 40, 80, 160, 300)]
    assert messages(world, "BackOff") == [f"Back-off restarting failed container web in pod {pod}"]
    assert only(world).status.last_termination == "Error"


@pytest.mark.parametrize(("limit", "killed"), [("63Mi", True), ("64Mi", False)])
def test_a_process_is_killed_below_what_it_needs_and_not_at_it(limit: str, killed: bool) -> None:
    manifest = deployment("web")
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": limit}}
    world = mesh("a>web", profile=Profile(memory_mib=64))
    put(world, manifest)
    assert (youngest(world).status.last_termination == "OOMKilled") is killed
    assert youngest(world).status.ready is not killed


def test_the_second_containers_probe_counts_too() -> None:
    answers = {"readinessProbe": {"tcpSocket": {"port": 80}}}
    world = put(mesh(), web(**answers, sidecar={"readinessProbe": {"tcpSocket": {"port": 1}}}))
    assert (only(world).status.phase, only(world).status.ready) == ("Running", False)
    refused = f"Readiness probe failed: dial tcp {only(world).status.ip}:1: connect: connection refused"
    assert refused in messages(world, "Unhealthy")


@pytest.mark.parametrize(
    ("probe", "at_least", "at_most"),
    [
        ({"exec": {"command": ["true"]}}, 0, 6),
        ({"tcpSocket": {"port": 80}, "initialDelaySeconds": 20}, 20, 26),
        ({"tcpSocket": {"port": 80}, "periodSeconds": 100}, 0, 7),
    ],
)
def test_a_pod_is_ready_when_its_probe_has_first_answered(probe: dict[str, Any], at_least: int, at_most: int) -> None:
    world = put(mesh(), web(readinessProbe=probe), seconds=0)
    assert at_least <= after(world, lambda: pods(world) and only(world).status.ready) <= at_most


def test_the_slower_of_two_readiness_probes_decides() -> None:
    slow = {"readinessProbe": {"exec": {}, "initialDelaySeconds": 20}}
    world = put(mesh(), web(readinessProbe={"exec": {}}, sidecar=slow), seconds=15)
    assert not only(world).status.ready
    world.run_for(15 * SECOND_US)
    assert only(world).status.ready


@pytest.mark.parametrize(
    ("probe", "dies_s"),
    [({}, 30), ({"periodSeconds": 2}, 6), ({"failureThreshold": 1}, 10), ({"initialDelaySeconds": 40}, 70)],
)
def test_liveness_kills_after_delay_and_threshold_times_period(probe: dict[str, Any], dies_s: int) -> None:
    world = put(mesh(), web(livenessProbe={"tcpSocket": {"port": 1}, **probe}), seconds=0)
    started = after(world, lambda: pods(world) and only(world).status.phase == "Running")
    assert after(world, lambda: messages(world, "Killing")) in (dies_s - 1, dies_s)
    assert started < 10


def test_a_probe_set_before_a_restart_does_not_speak_for_the_next_run() -> None:
    """Ready after 60 s of running; killed every 3 s, it never is."""
    ready = {"exec": {}, "initialDelaySeconds": 25}
    dead = {"tcpSocket": {"port": 1}, "periodSeconds": 3, "failureThreshold": 1}
    world = put(mesh(), web(readinessProbe=ready, livenessProbe=dead))
    for _ in range(300):
        world.run_for(SECOND_US)
        assert not only(world).status.ready


def test_images_are_pulled_once_per_node() -> None:
    world = mesh(extra=[node("n")])
    started = [after(world, lambda n=n: len(messages(put(world, web(n), seconds=0), "Started")) >= n) for n in (1, 2)]
    (found,) = world.store.list("Node")
    assert {"a:1"} <= found.status.images
    assert started[1] <= 3


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "PersistentVolumeClaim"])
def test_a_pod_waits_for_what_it_mounts_and_starts_when_it_appears_in_its_namespace(kind: str) -> None:
    source = {
        "ConfigMap": {"configMap": {"name": "x"}},
        "Secret": {"secret": {"secretName": "x"}},
        "PersistentVolumeClaim": {"persistentVolumeClaim": {"claimName": "x"}},
    }[kind]
    world = put(mesh(), placed(web(), volumes=[{"name": "v", **source}]))
    waits = "Unschedulable" if kind == "PersistentVolumeClaim" else "ContainerCreating"
    assert (only(world).status.reason, only(world).status.phase) == (waits, "Pending")
    assert "not found" in only(world).status.message
    put(world, {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "other"}})
    assert not only(world).status.ready
    put(world, {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}})
    assert only(world).status.ready


def test_a_new_config_map_leaves_running_and_starting_pods_alone() -> None:
    world = put(mesh(), web(2), seconds=0)
    put(world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}, seconds=0)
    assert [t.handler for t in world.kernel.timers.values() if t.handler == "kubelet.sync"].count("kubelet.sync") <= 2
    world.run_for(60 * SECOND_US)
    put(world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "y"}}, seconds=0)
    assert len(world.kernel.timers) == 0


def test_pods_spread_over_the_emptiest_nodes_by_the_fuller_resource() -> None:
    """The deployment `a` requests no memory, which counts as 200 MiB."""
    requests = {"requests": {"cpu": "100m", "memory": "100Mi"}}
    nodes_of = [node("big", {"cpu": "4", "memory": "650Mi"}), node("wide", {"cpu": "1", "memory": "4Gi"})]
    alone = [deployment(f"web-{n}") for n in range(5)]
    for manifest in alone:
        manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = requests
    world = put(mesh(extra=nodes_of), *alone)
    assert sorted(p.status.node for p in pods(world)) == ["big", "wide", "wide", "wide", "wide"]


@pytest.mark.parametrize(
    ("requests", "short"),
    [({"cpu": "450m"}, "cpu"), ({"memory": "100Mi"}, "memory"), ({"cpu": "450m", "memory": "1Mi"}, "cpu")],
)
def test_a_node_is_filled_to_the_last_byte_and_millicore_and_room_comes_back(
    requests: dict[str, str], short: str
) -> None:
    """The deployment `a` has requested 100m of the node's core."""
    room = {"cpu": "1", "memory": "200Mi"}
    world = put(mesh(extra=[node("n", room)]), web(3, resources={"requests": requests}))
    assert sum(bool(p.status.node) for p in pods(world)) == 2
    (said,) = messages(world, "FailedScheduling")
    assert said.startswith(f"0/1 nodes are available: 1 Insufficient {short}. preemption: ")
    api.delete(world, next(p for p in pods(world) if p.status.node).key, "test")
    world.run_for(30 * SECOND_US)
    assert sum(bool(p.status.node) for p in pods(world)) == 2
    for name in ("a", "web"):
        scale(world, name, 0)
    world.run_for(30 * SECOND_US)
    (found,) = world.store.list("Node")
    assert (found.status.millicores, found.status.memory_mib) == (0, 0)


def test_the_reasons_of_several_nodes_are_counted_in_order() -> None:
    tight = {"cpu": "150m", "memory": "1Gi"}
    world = mesh(extra=[node("ok"), node("a", unschedulable=True), node("y", {"cpu": "10m"}), node("x", tight)])
    requests = {"resources": {"requests": {"cpu": "200m"}}}
    put(world, placed(web(**requests), nodeName=""), placed(deployment("web"), nodeSelector={"disk": "none"}))
    lost = "node(s) didn't match Pod's node affinity/selector"
    (said,) = messages(world, "FailedScheduling")
    assert said.startswith(f"0/4 nodes are available: 1 node(s) were unschedulable, 3 {lost}. preemption: ")
    (event,) = [e for e in world.cluster.events.values() if e.reason == "FailedScheduling"]
    assert event.count == 1


def test_a_named_node_and_a_label_that_comes_later() -> None:
    world = mesh(extra=[node("n1"), node("n2")])
    (busy,) = {p.status.node for p in world.store.list("Pod")}
    put(world, placed(web(), nodeName=busy))
    assert only(world).status.node == busy
    put(world, placed(web(), nodeName=None, nodeSelector={"disk": "fast"}))
    waiting = next(p for p in pods(world) if not p.status.node)
    labelled = {**node("n1"), "metadata": {"name": "n1", "labels": {"disk": "fast"}}}
    put(world, labelled)
    assert world.store.state.objects[waiting.key].status.node == "n1"


def test_a_cluster_without_nodes_says_so() -> None:
    world = mesh(extra=[node("n")])
    api.delete(world, ObjectKey("Node", "", "n"), "test")
    put(world, web())
    assert messages(world, "FailedScheduling") == ["no nodes available to schedule pods"]


def test_a_pod_that_waits_goes_to_a_lost_node_once_it_is_back_and_not_before() -> None:
    world = mesh(extra=[node("n")])
    scale(world, "a", 0)
    put(world)
    nodes.crash(world, "n")
    put(world, seconds=50)
    put(world, web(), seconds=400)
    assert only(world).status.node == ""
    lost = "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }."
    assert lost in messages(world, "FailedScheduling")[0]
    nodes.restore(world, "n")
    world.run_for(30 * SECOND_US)
    assert only(world).status.ready


@pytest.mark.parametrize("away_s", [30, 200])
def test_a_node_that_comes_back_in_time_keeps_its_pods(away_s: int) -> None:
    world = put(mesh(extra=[node("n")]), web())
    pod = only(world)
    nodes.crash(world, "n")
    world.run_for(away_s * SECOND_US)
    assert only(world).status.ready is (away_s < 40)
    nodes.restore(world, "n")
    world.run_for(400 * SECOND_US)
    assert (only(world).key, only(world).status.ready) == (pod.key, True)
    assert bool(messages(world, "NodeNotReady")) is (away_s > 40)
    assert messages(world, "TaintManagerEviction") == []


def test_nothing_starts_or_ends_on_a_dead_node() -> None:
    world = put(mesh(extra=[node("n")]), web())
    nodes.crash(world, "n")
    api.delete(world, only(world).key, "test")
    world.run_for(100 * SECOND_US)
    dying = [p for p in world.store.list("Pod") if p.deleting]
    assert len(dying) == 1
    assert [p.status.phase for p in pods(world)] == ["Pending"]
    nodes.restore(world, "n")
    world.run_for(60 * SECOND_US)
    assert [p for p in world.store.list("Pod") if p.deleting] == []
    assert only(world).status.ready


def test_since_when_a_node_is_lost_and_how_much_room_it_has() -> None:
    world = mesh(extra=[{**node("n"), "status": {"capacity": {"cpu": "2", "memory": "1Gi"}}}])
    nodes.crash(world, "n")
    world.run_for(100 * SECOND_US)
    (found,) = world.store.list("Node")
    assert found.status.since_us == (180 + 50) * SECOND_US
    assert (found.status.capacity_millicores, found.status.capacity_mib) == (2000, 1024)


def test_a_pod_that_takes_the_name_of_another_is_not_it() -> None:
    """Timers of a StatefulSet's pod do not touch the pod that follows it under the same name."""
    manifest = {**web(), "kind": "StatefulSet"}
    world = put(mesh(), manifest)
    uid = only(world).uid
    world.schedule(0, "kubelet.exited", Run(only(world).key, uid + 1, 0, 0), "Error", 1)
    world.schedule(0, "kubelet.terminated", only(world).key, uid + 1)
    world.run_for(SECOND_US)
    assert (only(world).uid, only(world).status.restarts) == (uid, 0)


@pytest.mark.parametrize("stale", ["pod", "run", "dying", "waiting", "node"])
def test_a_readiness_answer_counts_for_the_run_it_was_asked_of(stale: str) -> None:
    world = put(mesh(), web(readinessProbe={"tcpSocket": {"port": 1}}))
    pod = only(world)
    assert (pod.status.phase, pod.status.ready) == ("Running", False)
    if stale == "dying":
        api.delete(world, pod.key, "test")
    elif stale == "waiting":
        world.store.report(pod.key, msgspec.structs.replace(pod.status, state="waiting", reason="CrashLoopBackOff"))
    elif stale == "node":
        nodes.crash(world, pod.status.node)
    uid, run = pod.uid + (stale == "pod"), pod.status.restarts + (stale == "run")
    world.schedule(0, "probe.ready", Run(pod.key, uid, 0, run))
    world.run_for(0)
    assert not world.store.state.objects[pod.key].status.ready


def test_memory_counts_for_the_container_that_serves_wherever_it_stands() -> None:
    manifest = deployment("w")
    containers = manifest["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "idle", "image": "i:1", "resources": {"limits": {"memory": "9Mi"}}})
    containers[1]["resources"] = {"limits": {"memory": "100Mi"}}
    world = mesh(extra=[manifest])
    assert world.application.workloads["default/w"].container == "w"
    containers[1]["resources"] = {"limits": {"memory": "10Mi"}}
    put(world, manifest)
    assert "OOMKilled" in {p.status.last_termination for p in world.store.list("Pod")}


def test_a_pod_that_has_no_node_is_gone_when_it_is_deleted_and_one_that_has_goes_once() -> None:
    world = put(mesh(), placed(web(), nodeSelector={"none": "such"}))
    waiting = only(world)
    api.delete(world, waiting.key, "test")
    assert world.store.get(waiting.key) is None
    bound = next(p.key for p in world.store.list("Pod") if p.status.node)
    for _ in range(2):
        api.delete(world, bound, "test")
    assert [t.handler for t in world.kernel.timers.values()].count("kubelet.terminated") == 1


def test_a_report_of_what_is_known_is_no_news() -> None:
    world = put(mesh(), web())
    version = world.store.state.version
    world.store.report(only(world).key, msgspec.structs.replace(only(world).status))
    assert world.store.state.version == version


def test_a_pull_back_off_follows_an_error_only() -> None:
    world = put(mesh(), web(image="no:such"), seconds=8)
    assert only(world).status.reason == "ErrImagePull"
    world.run_for(10 * SECOND_US)
    assert only(world).status.reason == "ImagePullBackOff"
    assert messages(world, "BackOff") == ['Back-off pulling image "no:such"']
    world = put(mesh(), web())
    world.schedule(0, "kubelet.pull_back_off", Run(only(world).key, only(world).uid, 0, 0))
    world.run_for(0)
    assert only(world).status.reason == ""
