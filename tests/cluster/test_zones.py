"""Lost nodes lose their pods, unless so many are lost that nobody can tell whose fault it is."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import Spec, cluster, node, workload

ZONE = "topology.kubernetes.io/zone"


def zoned(**sizes: int) -> World:
    """So many nodes in each zone, and a pod on each of them."""
    nodes = [_in_zone(f"{zone}{number}", zone) for zone, size in sizes.items() for number in range(size)]
    spread = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
               "labelSelector": {"matchLabels": {"app": "w"}}}]  # fmt: skip
    manifest = workload("Deployment", replicas=len(nodes))
    manifest["spec"]["template"]["spec"]["topologySpreadConstraints"] = spread
    return cluster(*nodes, manifest, nodes=0, seconds=60)


def _in_zone(name: str, zone: str) -> Spec:
    found = node(name)
    return {**found, "metadata": {**found["metadata"], "labels": {**found["metadata"]["labels"], ZONE: zone}}}


def crash(world: World, *names: str) -> None:
    for name in names:
        world.schedule(0, "node.crash", name)


def evicted(world: World) -> set[str]:
    """The nodes whose pods have been told to go."""
    return {pod.status.node for pod in world.store.list("Pod") if pod.deleting}


def effects(world: World, name: str) -> list[str]:
    shown = render(world, world.store.state.objects[ObjectKey("Node", "", name)])
    return [taint["effect"] for taint in (shown.get("spec") or {}).get("taints", [])]


@pytest.mark.parametrize(
    ("sizes", "lost", "gone"),
    [
        ({"a": 3}, ["a0"], {"a0"}),
        ({"a": 3}, ["a0", "a1"], {"a0", "a1"}),
        ({"a": 3}, ["a0", "a1", "a2"], set()),
        ({"a": 1}, ["a0"], set()),
        ({"a": 5}, ["a0", "a1", "a2"], set()),
        ({"a": 6}, ["a0", "a1", "a2"], {"a0", "a1", "a2"}),
        ({"a": 3, "b": 1}, ["b0"], {"b0"}),
        ({"a": 5, "b": 2}, ["a0", "a1", "a2", "b0"], {"b0"}),
        ({"a": 51}, [f"a{n}" for n in range(30)], {f"a{n}" for n in range(30)}),
    ],
)
def test_pods_leave_lost_nodes_unless_most_of_a_small_zone_or_all_of_the_cluster_is_lost(
    sizes: dict[str, int], lost: list[str], gone: set[str]
) -> None:
    world = zoned(**sizes)
    crash(world, *lost)
    world.run_for(400 * SECOND_US)
    assert evicted(world) == gone
    for name in lost:
        assert effects(world, name) == (["NoExecute", "NoSchedule"] if name in gone else ["NoSchedule"])


def test_when_one_comes_back_the_others_have_their_five_minutes() -> None:
    world = zoned(a=3)
    crash(world, "a0", "a1", "a2")
    world.run_for(1000 * SECOND_US)
    world.schedule(0, "node.restore", "a0")
    world.run_for(290 * SECOND_US)
    assert evicted(world) == set()
    world.run_for(20 * SECOND_US)
    assert evicted(world) == {"a1", "a2"}


def test_what_is_about_to_happen_is_called_off_when_the_last_is_lost() -> None:
    world = zoned(a=3)
    crash(world, "a0")
    world.run_for(200 * SECOND_US)
    crash(world, "a1", "a2")
    world.run_for(60 * SECOND_US)
    fork = world.fork()
    world.run_for(1000 * SECOND_US)
    assert evicted(world) == set()
    fork.schedule(0, "node.restore", "a1")
    fork.run_for(290 * SECOND_US)
    assert evicted(fork) == set(), "the clock that was stopped does not ring"
    fork.run_for(20 * SECOND_US)
    assert evicted(fork) == {"a0", "a2"}


def test_a_node_that_joins_or_leaves_is_counted() -> None:
    world = zoned(a=2)
    crash(world, "a0", "a1")
    world.run_for(100 * SECOND_US)
    api.put(world, _in_zone("new", "a"), "user")
    world.run_for(310 * SECOND_US)
    assert evicted(world) == {"a0", "a1"}
    other = zoned(a=2)
    crash(other, "a0")
    other.run_for(100 * SECOND_US)
    api.delete(other, ObjectKey("Node", "", "a1"), "user")
    other.run_for(1000 * SECOND_US)
    assert evicted(other) == set()
