"""Side conditions of compensable actions: pods of an earlier template, quorums, autoscalers, pods on their way out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus_sim.cluster import api, conditions
from stratus_sim.cluster.configuration import Manifest
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, key, members, ready, retemplate, template, workload

STALE = {"containers": [{**template()["spec"]["containers"][0], "image": "w:2"}]}
"""What a template says that its pods do not: they are of another image."""


def holds(
    world: World, condition: str, kind: str, after: Manifest | None = None, begun: Manifest | None = None
) -> bool:
    return conditions.holds(world, condition, key(kind), after, begun)


def manifest(world: World, kind: str, **spec: Any) -> dict[str, Any]:
    """The manifest of a workload with other fields in its spec."""
    found = copy.deepcopy(dict(get(world, kind).manifest))
    return {**found, "spec": {**found["spec"], **spec}}


def stale(kind: str, **spec: Any) -> World:
    """A workload with pods of a template it no longer has, which nobody replaces."""
    world = cluster(workload(kind, updateStrategy={"type": "OnDelete"}, **spec), seconds=60)
    change(world, kind, template={**template(), "spec": STALE})
    world.run_for(60 * SECOND_US)
    assert {pod.spec.containers[0].image for pod in members(world, kind)} == {"w:1"}
    return world


def test_pods_of_an_earlier_template_come_back_only_where_undo_puts_that_back() -> None:
    world = stale("DaemonSet")
    before = manifest(world, "DaemonSet", template=template())
    assert not holds(world, "rollable", "DaemonSet"), "who is deleted comes back as another"
    assert holds(world, "rollable", "DaemonSet", begun=before)


def test_pods_of_the_present_template_come_back() -> None:
    world = cluster(workload("DaemonSet"), seconds=60)
    assert holds(world, "rollable", "DaemonSet")
    other = manifest(world, "DaemonSet", template={**template(), "spec": STALE})
    assert holds(world, "rollable", "DaemonSet", begun=other)


def test_a_workload_that_gives_no_number_of_replicas_asks_for_one() -> None:
    """Its pod is of an earlier template, and a roll-out is held up: nothing but the size as it is may be asked for."""
    world = cluster(workload("Deployment", replicas=1), seconds=60)
    change(world, "Deployment", paused=True, template={**template(), "spec": STALE})
    world.run_for(SECOND_US)
    same = manifest(world, "Deployment")
    del same["spec"]["replicas"]
    assert holds(world, "rollable", "Deployment", same)
    assert not holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=2))


@pytest.mark.parametrize(("lost", "quorum"), [(0, True), (1, False)])
def test_a_quorum_that_lacks_a_member_is_not_touched(lost: int, quorum: bool) -> None:
    """Of five members three would be left without one that is down and one that restarts; but all have to be up."""
    world = cluster(workload("StatefulSet", replicas=5, serviceName="w"), seconds=120)
    assert ready(world, "StatefulSet") == 5
    for pod in members(world, "StatefulSet")[:lost]:
        api.delete(world, pod.key, "user")
    world.run_for(SECOND_US)
    after = manifest(world, "StatefulSet", minReadySeconds=1)
    assert holds(world, "quorum", "StatefulSet", after) is quorum


def test_an_autoscaler_that_names_no_least_number_goes_down_to_one() -> None:
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    one, two = (cluster(workload("Deployment", replicas=n), seconds=60) for n in (1, 2))
    after = {**scaler, "spec": {"maxReplicas": 3}}
    assert holds(one, "only_raises", "Deployment", after)
    assert not holds(two, "only_raises", "Deployment", after)


def test_an_autoscaler_adds_nothing_where_somebody_ails() -> None:
    """All that is there is of the present template and has room; but it does not serve."""
    probe = {"readinessProbe": {"exec": {"command": ["false"]}}}
    ailing = {"containers": [{**template()["spec"]["containers"][0], **probe}]}
    world = cluster(workload("Deployment", replicas=2, template={**template(), "spec": ailing}), seconds=60)
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    bounds = {"minReplicas": 2, "maxReplicas": 3}
    assert not ready(world, "Deployment")
    assert not holds(world, "only_raises", "Deployment", {**scaler, "spec": bounds})


def test_who_is_on_the_way_out_does_not_count() -> None:
    """Pods of an earlier template that take their time to end keep the size from nobody."""
    slow = {**template()["spec"]["containers"][0], "lifecycle": {"preStop": {"sleep": {"seconds": 300}}}}
    spec = {"containers": [slow], "terminationGracePeriodSeconds": 600}
    world = cluster(workload("Deployment", replicas=2, template={**template(), "spec": spec}), seconds=60)
    retemplate(world, "Deployment", 1)
    world.run_for(60 * SECOND_US)
    assert sum(pod.deleting and pod.status.ready for pod in world.store.list("Pod")) == 2
    assert holds(world, "rollable", "Deployment", manifest(world, "Deployment", replicas=1))


def test_an_account_nobody_names_is_the_one_pods_run_under() -> None:
    world = cluster(workload("Deployment"), seconds=60)
    account = key("ServiceAccount", "default")
    assert not conditions.holds(world, "unmounted", account)
    api.delete(world, key("Deployment"), "user")
    world.run_for(60 * SECOND_US)
    assert conditions.holds(world, "unmounted", account)
