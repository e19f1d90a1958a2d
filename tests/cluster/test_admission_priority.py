"""Priority admission: what a pod's class writes into it, and pods of a class there is not."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, priority
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, members, template, workload


def of_class(name: str, value: int, *, default: bool = False) -> dict[str, Any]:
    found = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
    return {**found, "value": value, "globalDefault": default}


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "w:1"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


def value(world: World) -> int:
    return priority.value(get(world, "Pod", "p").spec)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [({"priorityClassName": "high"}, 900), ({}, 5), ({"priorityClassName": "system-node-critical"}, 2_000_001_000)],
)
def test_a_pod_somebody_makes_has_the_value_of_its_class_too(spec: dict[str, Any], expected: int) -> None:
    assert value(cluster(of_class("high", 900), of_class("low", 5, default=True), pod(**spec))) == expected


def test_a_class_that_is_not_there_is_refused_to_users_and_controllers() -> None:
    wrong = template(priorityClassName="hihg")
    world = cluster(of_class("high", 900), workload("Deployment", replicas=1, template=wrong), seconds=30)
    with pytest.raises(Denied, match=r'^pods "p" is forbidden: no PriorityClass with name hihg was found$'):
        api.put(world, pod(priorityClassName="hihg"), "user")
    assert members(world, "Deployment") == []
    said = [e.message for e in world.cluster.events.values() if e.reason == "FailedCreate"]
    assert said and all("no PriorityClass with name hihg was found" in message for message in said)


def test_where_there_are_no_classes_at_all_none_is_missed() -> None:
    assert value(cluster(pod(priorityClassName="high"))) == 0
