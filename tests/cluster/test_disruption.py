"""DisruptionTarget: whoever ends a pod that is well says so on the pod."""

from __future__ import annotations

import pytest

from stratus_sim.cluster import api, disruption, pods
from stratus_sim.cluster.kubelet import pressure
from stratus_sim.cluster.objects import ObjectKey, Resource
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import cluster, node, template, workload


def lonely(seconds: int = 20) -> World:
    return cluster(workload("ReplicaSet", template=template()), nodes=1, seconds=seconds)


def pod_of(world: World) -> Resource:
    return next(pod for pod in world.store.list("Pod") if pod.labels.get("app") == "w")


def condition(world: World, pod: Resource) -> tuple[str, str] | None:
    found = render(world, pod)["status"]["conditions"]
    return next(((one["reason"], one["message"]) for one in found if one["type"] == "DisruptionTarget"), None)


def test_a_pod_that_is_deleted_is_no_target() -> None:
    world = lonely()
    api.delete(world, pod_of(world).key, "user")
    assert condition(world, pod_of(world)) is None


def test_a_taint_says_who_sends_away() -> None:
    world = lonely()
    api.put(world, node("n0", taints=[{"key": "away", "effect": "NoExecute"}]), "user")
    said = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    assert condition(world, pod_of(world)) == said


def test_the_scheduler_says_whom_it_preempts() -> None:
    world = lonely()
    important = {
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000,
    }  # fmt: skip
    api.put(world, important, "user")
    victim = pod_of(world).key
    spec = template("big", priorityClassName="high")["spec"]
    spec["containers"][0]["resources"] = {"requests": {"cpu": "7950m"}}
    api.put(world, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "big"}, "spec": spec}, "user")
    world.run_for(100_000)
    pod = world.store.get(victim)
    assert pod is not None and pod.deleting
    assert pod.status.disruption == "PreemptionByScheduler"


def test_who_has_ended_or_is_leaving_keeps_what_it_has() -> None:
    world = lonely()
    pod = pod_of(world)
    disruption.mark(world, pod.key, "EvictionByEvictionAPI")
    pods.terminate(world, pod.key)
    disruption.mark(world, pod.key, "DeletionByTaintManager")
    assert condition(world, pod_of(world)) == ("EvictionByEvictionAPI", "Eviction API: evicting")


def test_a_kubelet_gives_its_own_reason() -> None:
    world = lonely()
    pressure.evict(world, pod_of(world), "The node was low on resource: memory. ")
    ended = next(pod for pod in world.store.list("Pod") if pods.ended(pod))
    assert condition(world, ended) == ("TerminationByKubelet", "The node was low on resource: memory. ")


@pytest.mark.parametrize("lost", [True, False])
def test_pods_of_a_node_that_is_gone_are_told_apart(lost: bool) -> None:
    """Who watches sees why before the pod is gone: a Job spares such pods by its policy."""
    rules = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
    spec = {"podFailurePolicy": {"rules": rules}, "template": template("w", "sleep 500", restartPolicy="Never")}
    world = cluster(workload("Job", version="batch/v1", **spec), nodes=1, seconds=20)
    if lost:
        api.delete(world, ObjectKey("Node", "", "n0"), "user")
    else:
        api.delete(world, pod_of(world).key, "user")
    world.run_for(120 * SECOND_US)
    status = world.store.list("Job")[0].status
    assert status.failed == (0 if lost else 1)
