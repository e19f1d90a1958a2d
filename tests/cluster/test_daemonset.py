"""DaemonSets: a pod on every node that fits, through taints, new nodes and updates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api, pods
from stratus_sim.cluster.objects import Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import (
    available,
    change,
    cluster,
    get,
    key,
    members,
    node,
    ready,
    retemplate,
    settled,
    template,
    workload,
)

KIND = "DaemonSet"


def daemon(nodes: int = 3, seconds: int = 60, **spec: Any) -> World:
    return cluster(workload(KIND, **spec), nodes=nodes, seconds=seconds)


def where(world: World) -> list[str]:
    return sorted(pod.status.node for pod in members(world, KIND))


def rounds(world: World) -> list[str]:
    return sorted((p.manifest["metadata"].get("annotations") or {}).get("round", "0") for p in members(world, KIND))


def recount(world: World) -> tuple[int, ...]:
    """The counts of the status, made anew from nodes and pods."""
    found, status = get(world, KIND), get(world, KIND).status
    by_node: dict[str, list[Resource]] = {}
    for pod in members(world, KIND):
        by_node.setdefault(pod.spec.node_name, []).append(pod)
    serving = [pods for pods in by_node.values() if any(p.status.ready for p in pods)]
    fresh = [
        pods
        for pods in by_node.values()
        if any(status.update.endswith(p.labels["controller-revision-hash"]) for p in pods)
    ]
    assert found.status.scheduled + found.status.misscheduled == len(by_node)
    return len(serving), len(fresh)


def test_every_node_has_one_and_so_has_one_that_comes_later() -> None:
    world = daemon(3)
    assert where(world) == ["n0", "n1", "n2"]
    api.put(world, node("n3"), "user")
    world.run_for(30 * SECOND_US)
    assert where(world) == ["n0", "n1", "n2", "n3"]
    assert (get(world, KIND).status.wanted, get(world, KIND).status.ready) == (4, 4)


def test_taints_keep_out_and_send_away_whom_tolerations_do_not_cover() -> None:
    world = daemon(2)
    api.put(world, node("n2", taints=[{"key": "gpu", "effect": "NoSchedule"}]), "user")
    api.put(world, node("n1", taints=[{"key": "gpu", "effect": "NoExecute"}]), "user")
    world.run_for(30 * SECOND_US)
    assert where(world) == ["n0"]
    change(world, KIND, template=template(tolerations=[{"key": "gpu", "operator": "Exists"}]))
    world.run_for(60 * SECOND_US)
    assert where(world) == ["n0", "n1", "n2"]


def test_a_cordoned_node_gets_its_pod_and_a_lost_one_keeps_it() -> None:
    world = daemon(2)
    api.put(world, node("n1", unschedulable=True), "user")
    api.delete(world, members(world, KIND)[0].key, "user")
    world.run_for(30 * SECOND_US)
    assert where(world) == ["n0", "n1"]
    before = {pod.uid for pod in members(world, KIND)}
    world.schedule(0, "node.crash", "n0")
    world.run_for(600 * SECOND_US)
    assert {pod.uid for pod in members(world, KIND)} == before
    world.schedule(0, "node.restore", "n0")
    world.run_for(60 * SECOND_US)
    assert ready(world, KIND) == get(world, KIND).status.ready == 2


def test_a_selector_and_labels_decide_where() -> None:
    world = cluster(workload(KIND, template=template(nodeSelector={"kubernetes.io/hostname": "n1"})), seconds=30)
    assert where(world) == ["n1"]
    labelled = node("n1")
    labelled["metadata"]["labels"] = {}
    api.put(world, labelled, "user")
    world.run_for(30 * SECOND_US)
    assert where(world) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(0, 2), st.integers(0, 5))
def test_an_update_stays_within_its_bounds(nodes: int, at_once: int, surge: bool, wait_s: int, seed: int) -> None:
    rolling = {"maxSurge": at_once, "maxUnavailable": 0} if surge else {"maxUnavailable": at_once}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    world = cluster(workload(KIND, updateStrategy=strategy, minReadySeconds=wait_s), nodes=nodes, seed=seed, seconds=60)
    assert ready(world, KIND) == nodes
    retemplate(world, KIND, 1)
    for now in settled(world, 200):
        served = {pod.status.node for pod in available(now, KIND, wait_s)}
        assert len(served) >= (nodes if surge else max(0, nodes - at_once))
        assert len(members(now, KIND)) <= nodes + (at_once if surge else 0)
        status = get(now, KIND).status
        assert (status.ready, status.updated) == recount(now)
    assert rounds(world) == ["1"] * nodes


def test_a_broken_update_stops_at_its_bound_and_the_next_one_repairs_it() -> None:
    world = daemon(4)
    retemplate(world, KIND, 1, containers=[{"name": "c", "image": "no:such"}])
    world.run_for(120 * SECOND_US)
    assert ready(world, KIND) == 3
    assert rounds(world) == ["0", "0", "0", "1"]
    retemplate(world, KIND, 2, containers=[{"name": "c", "image": "w:1"}])
    world.run_for(120 * SECOND_US)
    assert rounds(world) == ["2"] * 4
    assert ready(world, KIND) == 4


def test_on_delete_waits_for_somebody_to_delete() -> None:
    world = daemon(2, updateStrategy={"type": "OnDelete"})
    retemplate(world, KIND, 1)
    world.run_for(60 * SECOND_US)
    assert rounds(world) == ["0", "0"]
    api.delete(world, members(world, KIND)[0].key, "user")
    world.run_for(60 * SECOND_US)
    assert rounds(world) == ["0", "1"]


def test_it_goes_with_all_it_owns() -> None:
    world = daemon(2)
    api.delete(world, key(KIND), "user")
    world.run_for(30 * SECOND_US)
    assert world.store.list("Pod") == world.store.list("ControllerRevision") == []


@pytest.mark.parametrize("on_host", [False, True])
def test_pods_on_the_network_of_the_host_come_before_the_network_does(on_host: bool) -> None:
    world = cluster(workload(KIND, template=template(hostNetwork=on_host)), nodes=1, seconds=20)
    keys = {one["key"] for one in members(world, KIND)[0].manifest["spec"]["tolerations"]}
    assert ("node.kubernetes.io/network-unavailable" in keys) is on_host


def test_while_surging_nodes_with_nothing_to_lose_need_not_wait_for_their_turn() -> None:
    """kubernetes.io/docs/tasks/manage-daemon/update-daemon-set; the bound is for nodes whose old pod serves."""
    world = daemon(4, updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    sick = {pod.spec.node_name for pod in members(world, KIND)[1:]}
    for pod in members(world, KIND)[1:]:
        pods.update(world, pod, ready=False)
    retemplate(world, KIND, 1)
    world.run_for(SECOND_US)
    there = [(pod.spec.node_name, pod.manifest["metadata"].get("annotations")) for pod in members(world, KIND)]
    assert {node for node, marks in there if marks} >= sick
    assert {node for node, marks in there if not marks}.isdisjoint(sick)
    world.run_for(60 * SECOND_US)
    assert rounds(world) == ["1"] * 4


@pytest.mark.parametrize(
    ("phase", "reason", "told"),
    [("Failed", "FailedDaemonPod", "Found failed daemon pod {}, will try to kill it"),
     ("Succeeded", "SucceededDaemonPod", "Found succeeded daemon pod {}, will try to delete it")],
)  # fmt: skip
def test_a_pod_that_has_ended_is_complained_of_and_replaced(phase: str, reason: str, told: str) -> None:
    world = daemon(1)
    (pod,) = members(world, KIND)
    pods.update(world, pod, phase=phase, ready=False)
    world.run_for(60 * SECOND_US)
    assert ready(world, KIND) == 1
    found = [(e.reason, e.message) for e in world.cluster.events.values() if e.involved == key(KIND)]
    assert (reason, told.format(f"default/{pod.key.name} on node n0")) in found
