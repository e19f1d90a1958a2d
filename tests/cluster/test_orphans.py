"""Nodes that fall silent twice, that leave, and that come back: what becomes of the pods there."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import api, nodes, orphans
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, job, key, members, node, ready, workload


def crowd(nodes: int = 1, seconds: int = 60) -> World:
    return cluster(workload("Deployment", replicas=3), nodes=nodes, seconds=seconds)


def run_s(world: World, seconds: int) -> None:
    world.run_for(seconds * SECOND_US)


def test_fifty_seconds_are_counted_from_when_a_node_fell_silent_last() -> None:
    world = crowd()
    nodes.crash(world, "n0")
    run_s(world, 20)
    nodes.restore(world, "n0")
    run_s(world, 10)
    nodes.crash(world, "n0")
    run_s(world, 49)
    assert get(world, "Node", "n0").status.ready
    nodes.crash(world, "n0")  # it is silent already
    run_s(world, 2)
    assert not get(world, "Node", "n0").status.ready


def test_five_minutes_are_counted_from_when_that_was_noticed() -> None:
    world = crowd(nodes=2)
    there = [pod for pod in members(world, "Deployment") if pod.status.node == "n0"]
    nodes.crash(world, "n0")
    run_s(world, 200)
    nodes.restore(world, "n0")
    run_s(world, 60)
    nodes.crash(world, "n0")
    run_s(world, 349)
    assert there and {pod.key for pod in there} <= {pod.key for pod in members(world, "Deployment")}
    run_s(world, 2)
    assert not {pod.key for pod in there} & {pod.key for pod in members(world, "Deployment")}


def test_pods_of_a_node_that_is_gone_are_removed_after_the_quarantine() -> None:
    world = crowd(nodes=2)
    api.delete(world, key("Node", "n0"), "user")
    run_s(world, 39)
    assert world.store.on_node("n0")
    run_s(world, (orphans.PERIOD_US // SECOND_US) + 2)
    assert not world.store.on_node("n0")
    run_s(world, 30)
    assert ready(world, "Deployment") == 3


def test_a_node_that_registers_anew_in_time_keeps_its_pods_and_gives_their_room_to_nobody() -> None:
    world = crowd()
    before = get(world, "Node", "n0").status.millicores
    api.delete(world, key("Node", "n0"), "user")
    there = members(world, "Deployment")
    api.delete(world, there[0].key, "user")
    run_s(world, 30)
    api.put(world, node("n0"), "user")
    assert get(world, "Node", "n0").status.millicores == before == 300
    run_s(world, 60)
    now = members(world, "Deployment")
    assert {pod.key for pod in there[1:]} < {pod.key for pod in now} and len(world.store.list("Pod")) == len(now) == 3
    assert get(world, "Node", "n0").status.millicores == 300


@pytest.mark.parametrize("taint", [orphans.OUT_OF_SERVICE, "example.org/other"])
def test_only_a_silent_node_marked_as_out_of_service_loses_pods_that_are_on_their_way_out(taint: str) -> None:
    world = cluster(workload("StatefulSet", replicas=2), nodes=2, seconds=60)
    held = next(pod for pod in members(world, "StatefulSet") if pod.status.node == "n0")
    nodes.crash(world, "n0")
    run_s(world, 50)
    api.put(world, node("n0", taints=[{"key": taint, "effect": "NoExecute"}]), "user")
    run_s(world, 60)
    found = get(world, "Pod", held.key.name)
    assert (found.uid != held.uid) == (taint == orphans.OUT_OF_SERVICE)
    assert ready(world, "StatefulSet") == (2 if taint == orphans.OUT_OF_SERVICE else 1)


def test_a_node_that_answers_keeps_its_pods_whatever_it_is_marked_with() -> None:
    world = crowd()
    api.put(world, node("n0", taints=[{"key": orphans.OUT_OF_SERVICE, "effect": "NoSchedule"}]), "user")
    run_s(world, 120)
    assert ready(world, "Deployment") == 3


def test_a_job_counts_a_pod_lost_with_its_node_as_failed() -> None:
    world = cluster(job(command="sleep 500", backoffLimit=3), nodes=1, seconds=30)
    api.delete(world, key("Node", "n0"), "user")
    run_s(world, 70)
    assert get(world, "Job").status.failed == 1
