"""Pods that are deleted or evicted, and accounts they run under."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, conditions
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.asking import FAILING, SLOW, budget, of, settings
from tests.cluster.workloads import change, cluster, key, members, template, workload


def replaceable(world: World, pod: ObjectKey) -> bool:
    return conditions.holds(world, "replaceable", pod)


def test_a_budget_that_lets_nobody_go_keeps_a_pod_from_being_replaced() -> None:
    for least, free in ((1, True), (2, False)):
        world = cluster(workload("Deployment", replicas=2), budget(minAvailable=least), seconds=60)
        assert replaceable(world, members(world, "Deployment")[0].key) is free


def test_a_twin_that_does_not_serve_is_none() -> None:
    world = cluster(workload("StatefulSet", replicas=1, serviceName="w"), seconds=60)
    (serving,) = members(world, "StatefulSet")
    change(world, "StatefulSet", replicas=2, template=of(**FAILING))
    world.run_for(5 * SECOND_US)
    assert [pod.status.ready for pod in members(world, "StatefulSet")] == [True, False]
    assert not replaceable(world, serving.key)


def test_a_twin_on_its_way_out_is_none() -> None:
    spec = {**of(**SLOW)["spec"], "terminationGracePeriodSeconds": 600}
    world = cluster(workload("Deployment", replicas=2, template={**template(), "spec": spec}), seconds=60)
    first, second = members(world, "Deployment")
    assert replaceable(world, second.key)
    change(world, "Deployment", replicas=1)
    world.run_for(60 * SECOND_US)
    (left,) = members(world, "Deployment")
    assert [world.store.state.objects[pod.key].status.ready for pod in (first, second)] == [True, True]
    assert not replaceable(world, left.key)


HUGE = of(resources={"requests": {"cpu": "1000"}})
NOWHERE = template(nodeSelector={"zone": "none"})


@pytest.mark.parametrize(
    ("waiting", "of", "free"), [("w", HUGE, True), ("other", HUGE, False), ("other", NOWHERE, True)]
)
def test_of_the_pods_that_wait_only_those_of_others_that_want_room_would_take_it(
    waiting: str, of: dict[str, Any], free: bool
) -> None:
    world = cluster(workload("Deployment", replicas=2), workload("Deployment", "other", replicas=1), seconds=60)
    change(world, "Deployment", waiting, template={**of, "metadata": {"labels": {"app": waiting}}})
    world.run_for(5 * SECOND_US)
    assert [pod.key.name.startswith(f"{waiting}-") for pod in world.store.on_node("")] == [True]
    serving = [pod.key for pod in members(world, "Deployment") if pod.status.ready]
    assert len(serving) == 2
    assert replaceable(world, serving[0]) is free


def test_every_image_and_every_file_of_a_pod_has_to_be_there() -> None:
    second = {"name": "d", "image": "d:1"}
    mounted = {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}
    spec = {"containers": [*of()["spec"]["containers"], second], **mounted}
    world = cluster(workload("Deployment", replicas=2, template={**template(), "spec": spec}), settings(), seconds=60)
    pod = members(world, "Deployment")[0].key
    assert replaceable(world, pod)
    for broken in ("config", "image"):
        after = world.fork()
        if broken == "config":
            api.delete(after, key("ConfigMap", "c"), "user")
        else:
            api.put(after, {**settings(), "data": {"A": "2"}}, "user")
            faulty = {
                **template(),
                "spec": {**spec, "containers": [*of()["spec"]["containers"], {**second, "image": "no:such"}]},
            }
            change(after, "Deployment", template=faulty)
            after.run_for(60 * SECOND_US)
            pod = next(p.key for p in members(after, "Deployment") if not p.status.ready)
        assert not replaceable(after, pod)


def test_an_account_nobody_names_is_the_one_pods_run_under() -> None:
    world = cluster(workload("Deployment"), seconds=60)
    account = key("ServiceAccount", "default")
    assert not conditions.holds(world, "unmounted", account)
    assert conditions.holds(world, "unmounted", key("ServiceAccount", "other"))
    api.delete(world, key("Deployment"), "user")
    world.run_for(60 * SECOND_US)
    assert conditions.holds(world, "unmounted", account)


def test_an_account_a_pod_names_is_taken() -> None:
    named = {**template()["spec"], "serviceAccountName": "robot"}
    robot = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": "default"}}
    world = cluster(robot, workload("Deployment", template={**template(), "spec": named}), seconds=60)
    assert not conditions.holds(world, "unmounted", key("ServiceAccount", "robot"))
    assert conditions.holds(world, "unmounted", key("ServiceAccount", "default"))
