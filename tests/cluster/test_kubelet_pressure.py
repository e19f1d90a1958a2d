"""Nodes short of memory or disk, and pods that write more than they may."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh
from tests.cluster.test_kubelet import messages, node, only, placed, put, web
from tests.cluster.workloads import cluster, workload

HUNGRY = Profile(memory_mib=300)


def hungry(name: str, request: str | None = None, **pod: Any) -> dict[str, Any]:
    """A deployment whose process needs 300 MiB, whatever it requests."""
    manifest = deployment(name, 1, **pod)
    resources = {"requests": {"memory": request}} if request else {}
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return manifest


def crowded(*manifests: dict[str, Any], room: str = "1000Mi", seconds: int = 9) -> World:
    """One node, and whichever of `a` to `e` are applied there, each a process of 300 MiB."""
    world = World.empty(mesh("a>b", "a>c", "a>d", "a>e", profile=HUNGRY).application, 1)
    return put(world, node("n", {"cpu": "8", "memory": room}), *manifests, seconds=seconds)


def evicted(world: World) -> list[str]:
    """The workloads whose pods were evicted, in order of eviction."""
    found = [e for e in world.cluster.events.values() if e.reason == "Evicted"]
    return [e.involved.name.split("-")[0] for e in sorted(found, key=lambda e: e.first_us)]


def the_node(world: World) -> Resource:
    return next(n for n in world.store.list("Node") if n.key.name == "n")


def test_a_node_with_room_for_all_evicts_nobody() -> None:
    world = crowded(*(hungry(name) for name in "abc"), seconds=60)
    assert evicted(world) == [] and not the_node(world).status.pressure
    assert len(world.kernel.timers) == 0


def test_who_is_within_its_request_stays_and_who_is_furthest_above_goes_first() -> None:
    world = crowded(hungry("a", "300Mi"), hungry("b", "100Mi"), hungry("c"), hungry("d", "200Mi"), seconds=25)
    assert evicted(world)[0] == "c"
    failed = next(p for p in world.store.list("Pod") if p.status.phase == "Failed")
    said = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. "
        "Container c was using 300Mi, request is 0, has larger consumption of memory. "
    )
    assert (failed.status.reason, failed.status.message) == ("Evicted", said)
    killing = [e.message for e in world.cluster.events.values() if (e.involved, e.reason) == (failed.key, "Killing")]
    assert killing == ["Stopping container c"]
    assert messages(world, "Evicted") == [said]
    assert messages(world, "NodeHasInsufficientMemory") == ["Node n status is now: NodeHasInsufficientMemory"]
    assert messages(world, "EvictionThresholdMet") == ["Attempting to reclaim memory"]


def classes(**values: int) -> list[dict[str, Any]]:
    group = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    return [{**group, "metadata": {"name": name}, "value": value} for name, value in values.items()]


def test_of_those_above_their_requests_the_least_important_goes_first() -> None:
    pods_of = [hungry("a", "300Mi", priorityClassName="least"), hungry("b", "200Mi", priorityClassName="low")]
    world = crowded(*classes(least=-9, low=-5), *pods_of, hungry("c"), hungry("d"), seconds=25)
    assert evicted(world)[0] == "b"


def test_what_keeps_the_node_alive_is_not_evicted() -> None:
    pods_of = [hungry(name, priorityClassName="system-node-critical") for name in "abcd"]
    assert evicted(crowded(*pods_of, seconds=100)) == []


def test_one_pod_goes_every_ten_seconds_however_many_have_started() -> None:
    world = crowded(*(hungry(name) for name in "abcde"), room="500Mi", seconds=0)
    times = []
    for second in range(60):
        world.run_for(SECOND_US)
        times += [second] * (len(evicted(world)) - len(times))
    assert len(times) == 4
    assert [later - before for before, later in pairwise(times)] == [10, 10, 10]


def test_the_node_keeps_best_effort_pods_away_until_five_minutes_after() -> None:
    world = crowded(*(hungry(name, "200Mi") for name in "abc"), hungry("d"), seconds=25)
    assert evicted(world) == ["d"]
    shown = render(world, the_node(world))
    assert {c["type"]: c["status"] for c in shown["status"]["conditions"]} == {
        "MemoryPressure": "True",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    assert shown["spec"]["taints"] == [{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}]
    (waiting,) = [p for p in world.store.list("Pod") if p.status.phase == "Pending"]
    assert "node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }" in waiting.status.message
    put(world, hungry("e", "10Mi"), seconds=20)
    assert {p.status.node for p in world.store.list("Pod") if p.key.name.startswith("e-")} == {"n"}
    for name in "ae":
        api.delete(world, ObjectKey("Deployment", "default", name), "test")
    world.run_for(280 * SECOND_US)
    assert the_node(world).status.pressure
    world.run_for(60 * SECOND_US)
    assert not the_node(world).status.pressure
    assert messages(world, "NodeHasSufficientMemory") == ["Node n status is now: NodeHasSufficientMemory"]
    assert world.store.state.objects[waiting.key].status.ready
    world.run_for(600 * SECOND_US)
    assert len(world.kernel.timers) == 0


def test_a_dead_node_evicts_nobody_itself_until_it_is_back() -> None:
    world = crowded(*(hungry(name) for name in "abcd"), seconds=0)
    while "kubelet.relieve" not in {timer.handler for timer in world.kernel.timers.values()}:
        world.step()
    nodes.crash(world, "n")
    world.run_for(35 * SECOND_US)
    assert evicted(world) == []
    nodes.restore(world, "n")
    world.run_for(100 * SECOND_US)
    assert len(evicted(world)) == 1


def writing(size: str, limit: str | None = None, **pod: Any) -> dict[str, Any]:
    resources = {"limits": {"ephemeral-storage": limit}} if limit else {}
    command = ["sh", "-c", f"fallocate -l {size} /data/f; serve"]
    mounts = [{"name": "d", "mountPath": "/data"}]
    return placed(web(resources=resources, command=command, volumeMounts=mounts), **pod)


@pytest.mark.parametrize(
    ("size", "limit", "sized", "said"),
    [
        ("100M", "100Mi", None, None),
        ("101M", "100Mi", None, "Pod ephemeral local storage usage exceeds the total limit of containers 100Mi. "),
        ("100M", None, "100Mi", None),
        ("2G", None, "1Gi", 'Usage of EmptyDir volume "d" exceeds the limit "1Gi". '),
        ("9G", None, None, None),
    ],
)
def test_a_pod_that_writes_more_than_it_may_is_evicted(
    size: str, limit: str | None, sized: str | None, said: str | None
) -> None:
    empty = {"sizeLimit": sized} if sized else {}
    world = put(mesh(), writing(size, limit, volumes=[{"name": "d", "emptyDir": empty}]), seconds=16)
    assert {*messages(world, "Evicted")} == ({said} if said else set())
    assert bool([p for p in world.store.list("Pod") if p.status.reason == "Evicted"]) is bool(said)
    if said is None:
        assert only(world).status.ready


def test_the_second_container_is_told_by_name() -> None:
    greedy = {
        "command": ["dd", "if=/dev/zero", "bs=1M", "count=30"],
        "resources": {"limits": {"ephemeral-storage": "9Mi"}},
    }
    world = put(mesh(), web(sidecar=greedy), seconds=16)
    assert {*messages(world, "Evicted")} == {'Container sidecar exceeded its local ephemeral storage limit "9Mi". '}


def test_a_full_disk_is_relieved_of_who_writes_most() -> None:
    room = {"cpu": "8", "memory": "8Gi", "ephemeral-storage": "10Gi"}

    def writer(name: str, size: str) -> dict[str, Any]:
        found = workload("Deployment", name)
        container = found["spec"]["template"]["spec"]["containers"][0]
        container["command"] = ["fallocate", "-l", size, "/f"]
        return found

    disk = {**node("n", room), "metadata": {"name": "n"}}
    world = cluster(disk, writer("big", "7G"), writer("small", "4G"), nodes=0, seconds=25)
    assert evicted(world) == ["big"]
    assert messages(world, "NodeHasDiskPressure") == ["Node n status is now: NodeHasDiskPressure"]
    waiting = next(p for p in world.store.list("Pod") if p.status.phase == "Pending")
    assert "untolerated taint {node.kubernetes.io/disk-pressure: }" in waiting.status.message


def test_each_container_above_its_request_is_named_and_no_other() -> None:
    def writer(name: str, size: str, request: str | None = None) -> dict[str, Any]:
        resources = {"requests": {"ephemeral-storage": request}} if request else {}
        return {"name": name, "image": "w:1", "command": ["fallocate", "-l", size, "/f"], "resources": resources}

    found = workload("Deployment", "w")
    containers = [writer("c", "7G"), writer("modest", "1G", "2Gi"), writer("x", "3G", "2Gi")]
    found["spec"]["template"]["spec"]["containers"] = containers
    disk = {**node("n", {"cpu": "8", "memory": "8Gi", "ephemeral-storage": "10Gi"}), "metadata": {"name": "n"}}
    world = cluster(disk, found, nodes=0, seconds=16)
    assert messages(world, "Evicted")[0] == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 0. "
        "Container c was using 7Gi, request is 0, has larger consumption of ephemeral-storage. "
        "Container x was using 3Gi, request is 2Gi, has larger consumption of ephemeral-storage. "
    )
