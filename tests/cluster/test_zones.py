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
        ({"a": 3, "b": 3}, ["a0", "a1", "a2"], {"a0", "a1", "a2"}),
    ],
)
def test_pods_leave_lost_nodes_unless_most_of_a_small_zone_but_not_all_or_the_whole_cluster_is_lost(
    sizes: dict[str, int], lost: list[str], gone: set[str]
) -> None:
    world = zoned(**sizes)
    crash(world, *lost)
    world.run_for(400 * SECOND_US)
    assert evicted(world) == gone
    for name in lost:
        assert effects(world, name) == (["NoExecute", "NoSchedule"] if name in gone else ["NoSchedule"])


def first_evictions(world: World, seconds: int) -> dict[str, int]:
    """How many seconds from now the pods of a node are told to go, by node."""
    found: dict[str, int] = {}
    for second in range(seconds):
        for name in sorted(evicted(world) - found.keys()):
            found[name] = second
        world.run_for(SECOND_US)
    return found


def test_a_zone_loses_the_pods_of_one_node_every_ten_seconds_and_another_zone_in_its_own_time() -> None:
    world = zoned(a=6, b=2)
    crash(world, "a0", "a1", "b1")
    world.run_for(3 * SECOND_US)
    crash(world, "a2")
    assert first_evictions(world, 400) == {"a0": 347, "b1": 347, "a1": 357, "a2": 367}


def test_most_of_a_large_zone_goes_at_a_tenth_of_the_pace() -> None:
    world = zoned(a=51)
    crash(world, *(f"a{n}" for n in range(30)))
    assert first_evictions(world, 600) == {"a0": 350, "a1": 450, "a10": 550}
    other = zoned(a=51)
    crash(other, "a0")
    other.run_for(5 * SECOND_US)
    crash(other, *(f"a{n}" for n in range(1, 30)))
    assert first_evictions(other, 500) == {"a0": 345, "a1": 450}, "the token of the old pace was spent"


def test_a_zone_that_is_disrupted_keeps_the_taints_it_has_and_puts_on_no_more() -> None:
    world = zoned(a=5, b=1)
    crash(world, "a0")
    world.run_for(60 * SECOND_US)
    crash(world, "a1", "a2")
    world.run_for(60 * SECOND_US)
    assert [effects(world, name) for name in ("a0", "a1")] == [["NoExecute", "NoSchedule"], ["NoSchedule"]]
    world.schedule(0, "node.restore", "a2")
    assert first_evictions(world, 400) == {"a0": 230, "a1": 310}, "the pace begins anew"


def test_a_pace_that_was_kept_is_kept_when_there_is_one_node_more_to_wait_for() -> None:
    world = zoned(a=9)
    crash(world, "a0")
    world.run_for(44 * SECOND_US)
    crash(world, "a1")
    world.run_for(38 * SECOND_US)
    crash(world, "a2")
    assert first_evictions(world, 400) == {"a0": 268, "a1": 312, "a2": 350}


def test_a_node_that_is_not_to_be_counted_disrupts_nothing() -> None:
    excluded = [_in_zone(f"a{n}", "a") for n in range(3)]
    for one in excluded:
        one["metadata"]["labels"]["node.kubernetes.io/exclude-disruption"] = ""
    world = cluster(*excluded, _in_zone("b0", "b"), _in_zone("b1", "b"), nodes=0, seconds=60)
    crash(world, "b0", "b1")
    world.run_for(100 * SECOND_US)
    assert effects(world, "b0") == ["NoSchedule"], "all that count are lost"


def test_who_takes_a_node_away_is_told_so() -> None:
    world = zoned(a=2)
    api.delete(world, ObjectKey("Node", "", "a1"), "user")
    (said,) = [e.message for e in world.cluster.events.values() if e.reason == "RemovingNode"]
    assert said == "Node a1 event: Removing Node a1 from Controller"


def test_when_one_comes_back_the_others_have_their_five_minutes() -> None:
    world = zoned(a=3)
    crash(world, "a0", "a1", "a2")
    world.run_for(1000 * SECOND_US)
    world.schedule(0, "node.restore", "a0")
    assert first_evictions(world, 400) == {"a1": 310, "a2": 320}


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
    assert first_evictions(fork, 400) == {"a0": 310, "a2": 320}, "the clock that was stopped does not ring"


def test_a_node_that_joins_or_leaves_is_counted() -> None:
    world = zoned(a=2)
    crash(world, "a0", "a1")
    world.run_for(100 * SECOND_US)
    api.put(world, _in_zone("new", "a"), "user")
    assert first_evictions(world, 400) == {"a0": 310, "a1": 320}
    other = zoned(a=2)
    crash(other, "a0")
    other.run_for(100 * SECOND_US)
    api.delete(other, ObjectKey("Node", "", "a1"), "user")
    other.run_for(1000 * SECOND_US)
    assert evicted(other) == set()


def test_pods_are_told_that_they_stay_after_all() -> None:
    world = zoned(a=3)
    ever = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    daemon = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ever", "namespace": "default"}}
    bound = {**workload("Deployment")["spec"]["template"]["spec"], "nodeName": "a0", "tolerations": [ever]}
    api.put(world, {**daemon, "spec": bound}, "user")
    world.run_for(10 * SECOND_US)
    crash(world, "a0")
    world.run_for(100 * SECOND_US)
    world.schedule(0, "node.restore", "a0")
    world.run_for(SECOND_US)
    _, pod = world.store.on_node("a0")
    assert called_off(world) == [f"Cancelling deletion of Pod default/{pod.key.name}"]
    other = zoned(a=3)
    crash(other, "a0")
    other.run_for(100 * SECOND_US)
    crash(other, "a1", "a2")
    other.run_for(100 * SECOND_US)
    assert len(called_off(other)) == 1, "the others had not been told to go"
    calm = zoned(a=3)
    crash(calm, "a0", "a1", "a2")
    calm.run_for(100 * SECOND_US)
    calm.schedule(0, "node.restore", "a0")
    calm.run_for(SECOND_US)
    assert called_off(calm) == []


def called_off(world: World) -> list[str]:
    return [e.message for e in world.cluster.events.values() if e.reason == "TaintManagerEviction"]
