"""Nodes that are drained, tainted or labelled anew: who has to leave, and where to."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.configuration import Manifest
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import measure, no_worse
from stratus_sim.world import World
from tests.cluster.asking import FAILING, READING, SLOW, budget, cordon, holds, of, settings
from tests.cluster.workloads import change, cluster, get, key, node, ready, template, workload

TAINTS = {"taints": [{"key": "k", "value": "v", "effect": "NoExecute"}]}


def evictable(world: World, after: Manifest | None = None, name: str = "n0") -> bool:
    return holds(world, "evictable", "Node", after, name=name)


def tainted(world: World, name: str = "n0", **spec: Any) -> dict[str, Any]:
    return {**get(world, "Node", name).manifest, "spec": spec or TAINTS}


def labelled(world: World, **labels: str) -> dict[str, Any]:
    found = get(world, "Node", "n0").manifest
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def standing(*objects: dict[str, Any], **spec: Any) -> World:
    """A workload with all of its pods on one node, and two empty ones."""
    world = cluster(*objects, workload("Deployment", **{"replicas": 2, **spec}), nodes=1, seconds=60)
    for name in ("n1", "n2"):
        api.put(world, node(name), "user")
    world.run_for(SECOND_US)
    return world


def test_a_drain_is_for_a_node_that_is_there_whose_pods_have_a_controller() -> None:
    world = standing()
    assert evictable(world)
    assert not evictable(world, name="none")
    cordon(world, "n0")
    api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": of()["spec"]}, "user")
    world.run_for(5 * SECOND_US)
    for name in ("n1", "n2"):
        api.put(world, node(name), "user")
    assert get(world, "Pod", "bare").status.node == "n0"
    assert not evictable(world)
    assert not evictable(world, tainted(world))


@pytest.mark.parametrize(("least", "free"), [(0, True), (1, False)])
def test_all_of_them_may_go_within_their_budgets(least: int, free: bool) -> None:
    world = standing(budget(minAvailable=least))
    assert evictable(world) is free


@pytest.mark.parametrize(("fails", "free"), [({}, False), (FAILING, True)])
def test_who_serves_has_to_find_its_configuration_elsewhere(fails: dict[str, Any], free: bool) -> None:
    world = standing(settings(), template=of(**READING, **fails))
    assert bool(ready(world, "Deployment")) is not free
    assert evictable(world)
    api.delete(world, key("ConfigMap", "c"), "user")
    assert evictable(world) is free


def test_a_taint_sends_away_who_does_not_tolerate_it_for_good() -> None:
    tolerating = [{"key": "k", "operator": "Exists"}]
    awhile = {**tolerating[0], "effect": "NoExecute", "tolerationSeconds": 300}
    for tolerations, free in (([], False), (tolerating, True), ([awhile], False)):
        world = standing(template={**template(), "spec": {**of()["spec"], "tolerations": tolerations}})
        cordon(world)
        assert not evictable(world), "a drain takes everybody"
        assert evictable(world, tainted(world)) is free
        assert evictable(world, tainted(world, unschedulable=True)), "nobody leaves"


def test_who_is_on_the_way_out_needs_no_room() -> None:
    slow = {**of(**SLOW)["spec"], "terminationGracePeriodSeconds": 600}
    world = standing(template={**template(), "spec": slow})
    cordon(world)
    assert not evictable(world, tainted(world))
    change(world, "Deployment", replicas=0)
    world.run_for(5 * SECOND_US)
    assert len(world.store.on_node("n0")) == 2
    assert evictable(world, tainted(world))


def test_a_label_takes_nobody_from_where_it_runs_but_pods_of_daemon_sets() -> None:
    """Node selectors count when a pod is bound; the DaemonSet controller goes on to ask."""
    zoned = {**of(**READING)["spec"], "nodeSelector": {"zone": "a"}}
    for kind, free in (("Deployment", True), ("DaemonSet", False)):
        world = cluster(settings(), workload(kind, template={**template(), "spec": zoned}), seconds=1)
        api.put(world, labelled(world, zone="a"), "user")
        world.run_for(60 * SECOND_US)
        assert ready(world, kind) == 1
        assert evictable(world, labelled(world, zone="b")), "it comes back where it was"
        api.delete(world, key("ConfigMap", "c"), "user")
        assert evictable(world, labelled(world, zone="a", other="x"))
        assert evictable(world, labelled(world, zone="b")) is free


def test_a_daemon_that_could_not_start_again_is_not_sent_away() -> None:
    """Were it, the fork in which nothing was done would show that undo does not get it back."""
    world = cluster(settings(), workload("DaemonSet", template=of(**READING)), seconds=60)
    assert evictable(world, tainted(world)), "it has no place elsewhere, and needs none"
    api.delete(world, key("ConfigMap", "c"), "user")
    assert evictable(world), "a drain lets it be"
    seen = SimulatedCluster(world)
    assert not seen.permitted(Action("taint", "node/n0", {"taints": ["k=v:NoExecute"]}))
    untouched, found = world.fork(), get(world, "Node", "n0").manifest
    for manifest in (tainted(world), found):
        api.put(world, manifest, "agent")
        world.run_for(60 * SECOND_US)
    untouched.run_until(world.now_us)
    assert not no_worse(measure(world), measure(untouched))


def sized(name: str, permille: int, **pod: Any) -> dict[str, Any]:
    """A workload of one pod that wants this share of a node."""
    wanted = get(cluster(nodes=1), "Node", "n0").status.capacity_millicores * permille // 1000
    spec = {**of(resources={"requests": {"cpu": f"{wanted}m"}})["spec"], **pod}
    return workload("Deployment", name, template={"metadata": {"labels": {"app": name}}, "spec": spec})


@pytest.mark.parametrize(("small", "free"), [(150, False), (50, True)])
def test_those_who_leave_are_placed_in_turn_where_it_is_emptiest(small: int, free: bool) -> None:
    """The emptier of two other nodes has room for the large pod; not for both, and the small one is the first."""
    on = {name: {"nodeSelector": {"kubernetes.io/hostname": name}} for name in ("n1", "n2")}
    fillers = [sized("x", 400, **on["n1"]), sized("y", 100, **on["n2"])]
    world = cluster(sized("a", small), sized("b", 800), *fillers, nodes=1, seconds=60)
    for name in on:
        api.put(world, node(name), "user")
    world.run_for(60 * SECOND_US)
    placed = {pod.key.name[0]: pod.status.node for pod in world.store.list("Pod")}
    assert placed == {"a": "n0", "b": "n0", "x": "n1", "y": "n2"}
    assert evictable(world) is free
