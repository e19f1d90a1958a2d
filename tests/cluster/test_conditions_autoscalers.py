"""Autoscalers: what one has set stays when it goes, so it may only raise."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.asking import FAILING, READING, holds, of, settings
from tests.cluster.workloads import change, cluster, get, key, members, ready, workload


def scaler(least: int | None, most: int, name: str = "h", of: str = "w") -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    bounds = {"maxReplicas": most, **({} if least is None else {"minReplicas": least})}
    metadata = {"name": name, "namespace": "default"}
    spec = {"scaleTargetRef": reference, **bounds}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def raises(world: World, *bounds: Any, **names: str) -> bool:
    """Asked of the workload, as for `kubectl autoscale`, and of the autoscaler, as for `kubectl apply`: the same."""
    after = scaler(*bounds, **names)
    asked = [
        holds(world, "only_raises", kind, after, name=name)
        for kind, name in (("Deployment", "w"), ("HorizontalPodAutoscaler", after["metadata"]["name"]))
    ]
    assert asked[0] == asked[1]
    return asked[0]


@pytest.mark.parametrize(
    ("least", "most", "only"),
    [(None, 3, False), (1, 3, False), (1, 1, False), (2, 2, True), (2, 3, True), (3, 3, True)],
)
def test_it_cannot_go_below_the_size_there_is(least: int | None, most: int, only: bool) -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    assert raises(world, least, most) is only


def test_one_that_names_no_least_number_goes_down_to_one() -> None:
    assert raises(cluster(workload("Deployment", replicas=1), seconds=60), None, 3)


def test_it_is_the_only_one_of_its_workload() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    api.put(world, scaler(1, 9, "far", "elsewhere"), "user")
    assert raises(world, 2, 3)
    api.put(world, scaler(1, 9, "other"), "user")
    assert not raises(world, 2, 3)


def test_one_that_sets_the_size_already_may_go_lower_when_it_does_not_have_to() -> None:
    world = cluster(workload("Deployment", replicas=2), scaler(2, 4), seconds=60)
    assert [raises(world, least, most) for least, most in ((1, 2), (1, 9), (1, 1))] == [True, True, False]


def test_it_adds_nothing_where_somebody_ails() -> None:
    """All that is there is of the present template and has room; but it does not serve."""
    world = cluster(workload("Deployment", replicas=2, template=of(**FAILING)), seconds=60)
    assert not ready(world, "Deployment")
    assert not raises(world, 2, 3)
    assert raises(world, 2, 2), "it adds nothing"


def test_it_adds_nothing_while_one_of_them_is_not_there_yet() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    api.delete(world, members(world, "Deployment")[0].key, "user")
    world.run_for(0)
    assert (ready(world, "Deployment"), len(members(world, "Deployment"))) == (1, 2)
    assert not raises(world, 2, 3)


def test_it_adds_nothing_where_nobody_shows_that_more_would_come_up() -> None:
    world = cluster(workload("Deployment", replicas=0), seconds=60)
    assert not raises(world, 1, 2)


def test_it_adds_nothing_to_pods_of_another_template() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=60)
    change(world, "Deployment", paused=True, template=of(image="w:2"))
    world.run_for(SECOND_US)
    assert ready(world, "Deployment") == 2
    assert not raises(world, 2, 3)


def test_what_it_adds_finds_its_configuration() -> None:
    world = cluster(workload("Deployment", replicas=2, template=of(**READING)), settings(), seconds=60)
    assert raises(world, 2, 3)
    api.delete(world, key("ConfigMap", "c"), "user")
    assert not raises(world, 2, 3)


def test_what_it_adds_finds_room_all_of_it() -> None:
    share = get(cluster(nodes=1), "Node", "n0").status.capacity_millicores // 4
    pod = of(resources={"requests": {"cpu": f"{share}m"}})
    world = cluster(workload("Deployment", replicas=2, template=pod), nodes=1, seconds=60)
    assert [raises(world, 2, most) for most in (3, 4, 5)] == [True, True, False]


def test_what_is_not_there_has_no_size_and_one_that_goes_is_none() -> None:
    world = cluster(seconds=1)
    assert raises(world, 1, 3)
    assert not holds(world, "only_raises", "HorizontalPodAutoscaler", None)
