"""What the API says of a node: what it has to give, how it fares, and the taints that follow from that."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, nodes
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.admitting import changed
from stratus_sim.serve.showing import View
from stratus_sim.telemetry.render import render, timestamp
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, node, workload

Json = dict[str, Any]
OWN = {"key": "k", "effect": "NoSchedule"}
UNREACHABLE = "node.kubernetes.io/unreachable"


def machine(**allocatable: str) -> Json:
    return {**node("m", taints=[OWN]), "status": {"allocatable": allocatable, "capacity": {"cpu": "8"}}}


def conditions(world: World, name: str = "m") -> dict[str, tuple[str, str, str]]:
    found = render(world, get(world, "Node", name))["status"]["conditions"]
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in found}


def test_a_node_that_is_well_says_so_of_each_resource() -> None:
    assert conditions(cluster(machine(), nodes=0)) == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
    }


def test_of_a_node_that_fell_silent_nothing_is_known_since_its_last_word() -> None:
    world = cluster(machine(), nodes=0, seconds=700)
    nodes.crash(world, "m")
    world.run_for(1000 * SECOND_US)
    unknown = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert set(conditions(world).values()) == {unknown}
    found = render(world, get(world, "Node", "m"))["status"]["conditions"]
    assert {c["lastHeartbeatTime"] for c in found} == {timestamp(600 * SECOND_US)}


def test_what_a_node_declares_it_offers_and_what_it_has_may_be_more() -> None:
    room = {"cpu": "6", "memory": "2Gi", "pods": "110", "example.org/gpu": "2"}
    status = render(world := cluster(machine(**room), nodes=0), get(world, "Node", "m"))["status"]
    assert status["allocatable"] == {**room, "cpu": "6000m", "memory": "2048Mi"}
    assert status["capacity"] == {**status["allocatable"], "cpu": "8"}


def test_the_taints_of_a_node_are_its_own_and_those_of_its_troubles() -> None:
    world = cluster(machine(), nodes=2)
    api.put(world, {**get(world, "Node", "m").manifest, "spec": {"taints": [OWN], "unschedulable": True}}, "user")
    nodes.crash(world, "m")
    world.run_for(60 * SECOND_US)
    cordoned = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    lost = [{"key": UNREACHABLE, "effect": effect} for effect in ("NoExecute", "NoSchedule")]
    assert render(world, get(world, "Node", "m"))["spec"]["taints"] == [OWN, *lost, cordoned]


@pytest.mark.parametrize("added", [[], [{"key": "b", "effect": "NoExecute"}]])
def test_who_sends_a_node_back_does_not_write_down_the_taints_of_controllers(added: list[Json]) -> None:
    world = cluster(machine(), nodes=0)
    nodes.crash(world, "m")
    world.run_for(60 * SECOND_US)
    found = get(world, "Node", "m")
    shown = View(world).show(found)
    wanted = {**shown, "spec": {**shown["spec"], "taints": [*shown["spec"]["taints"], *added]}}
    assert changed(world, found, shown, wanted)["spec"]["taints"] == [OWN, *added]


def test_who_tolerates_everything_comes_even_to_a_node_that_is_lost() -> None:
    world = cluster(workload("Deployment", replicas=0), nodes=1)
    nodes.crash(world, "n0")
    world.run_for(60 * SECOND_US)
    for name, toleration in (("all", {"operator": "Exists"}), ("some", {"key": UNREACHABLE, "effect": "NoExecute"})):
        spec = {"containers": [{"name": "c", "image": "w:1"}], "tolerations": [toleration]}
        metadata = {"name": name, "namespace": "default"}
        api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, "user")
    world.run_for(SECOND_US)
    assert [get(world, "Pod", name).status.node for name in ("all", "some")] == ["n0", ""]
    nodes.restore(world, "n0")
    world.run_for(30 * SECOND_US)
    assert all(get(world, "Pod", name).status.ready for name in ("all", "some"))
