"""ReplicaSets: which pods go first, what new ones are called, and what their class makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, priority
from stratus_sim.cluster.workloads.replicaset import DELETION_COST
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, members, template, workload

KIND = "ReplicaSet"


def replicas(count: int, seconds: int = 30, nodes: int = 1, **spec: Any) -> World:
    return cluster(workload(KIND, replicas=count, **spec), nodes=nodes, seconds=seconds)


def test_cheap_pods_go_before_dear_ones() -> None:
    world = replicas(4)
    cheap = members(world, KIND)[2]
    metadata = {**cheap.manifest["metadata"], "annotations": {DELETION_COST: "-5"}}
    api.put(world, {**cheap.manifest, "metadata": metadata}, "user")
    change(world, KIND, replicas=3)
    world.run_for(0)
    assert cheap.key not in [pod.key for pod in members(world, KIND)]


def test_crowded_nodes_are_thinned_first() -> None:
    world = replicas(4, nodes=3)
    nodes = [pod.status.node for pod in members(world, KIND)]
    crowded = max(nodes, key=nodes.count)
    change(world, KIND, replicas=3)
    world.run_for(0)
    assert sorted(pod.status.node for pod in members(world, KIND)) == ["n0", "n1", "n2"]
    assert nodes.count(crowded) == 2


def test_a_name_that_is_taken_is_not_used_again() -> None:
    world = replicas(1)
    known = {pod.key for pod in members(world, KIND)}
    future = world.fork()
    change(future, KIND, replicas=2)
    future.run_for(0)
    (name,) = [pod.key.name for pod in members(future, KIND) if pod.key not in known]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}}
    api.put(world, {**body, "spec": template()["spec"]}, "user")
    change(world, KIND, replicas=2)
    world.run_for(30 * SECOND_US)
    assert len(members(world, KIND)) == 2
    assert get(world, "Pod", name).owner is None


@pytest.mark.parametrize(
    ("class_name", "default", "value", "policy"),
    [("high", False, 1000, "Never"), (None, True, 1000, "Never"), (None, False, 0, None)],
)
def test_a_pod_carries_the_priority_of_its_class(
    class_name: str | None, default: bool, value: int, policy: str | None
) -> None:
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}}
    found = {**body, "value": 1000, "globalDefault": default, "preemptionPolicy": "Never"}
    named = {} if class_name is None else {"priorityClassName": class_name}
    world = cluster(found, workload(KIND, replicas=1, template=template(**named)), seconds=30)
    (pod,) = members(world, KIND)
    assert (priority.value(pod.spec), pod.spec.preemption_policy) == (value, policy)
    assert priority.may_preempt(pod.spec) == (policy != "Never")
    assert pod.manifest["spec"].get("priority", 0) == value


def test_system_classes_are_there_without_being_made() -> None:
    critical = template(priorityClassName="system-node-critical")
    world = cluster(workload(KIND, replicas=1, template=critical), seconds=30)
    (pod,) = members(world, KIND)
    assert priority.value(pod.spec) == 2_000_001_000
