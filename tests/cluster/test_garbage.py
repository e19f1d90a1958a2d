"""Deletion: namespaces that empty, finalizers that hold, owners and what they own."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.cluster.garbage import FOREGROUND
from stratus_sim.cluster.objects import ObjectKey, finalizers_of
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import cluster, get, key, members, workload

Json = dict[str, Any]
SHOP = ObjectKey("Namespace", "", "shop")


def namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config(name: str, namespace: str = "default", **metadata: Any) -> Json:
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata}, "data": {"a": "1"},
    }  # fmt: skip


def within(manifest: Json, name: str) -> Json:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": name}}


def shop(*objects: Json) -> World:
    deployment = within(workload("Deployment", replicas=2), "shop")
    return cluster(namespace("shop"), namespace("other"), config("x", "other"), deployment, *objects, seconds=30)


def test_a_deleted_namespace_lets_its_pods_end_gracefully_and_goes_after_them() -> None:
    world = shop(config("y", "shop"))
    api.delete(world, SHOP, "test")
    world.run_for(1)
    assert [pod.deleting for pod in world.store.list("Pod")] == [True, True]
    assert world.store.get(SHOP) is not None
    assert [r.key.kind for r in world.store.within("shop")] == ["Pod", "Pod"]
    world.run_for(60 * SECOND_US)
    assert {r.key.namespace for r in world.store.everything()} == {"", "default", "other"}
    assert [r.key.name for r in world.store.list("Namespace")] == ["other"]


def test_nothing_new_comes_into_a_terminating_namespace() -> None:
    world = shop()
    api.delete(world, SHOP, "test")
    with pytest.raises(Denied) as refused:
        api.put(world, config("late", "shop"), "user")
    assert str(refused.value) == (
        'configmaps "late" is forbidden: unable to create new content in namespace shop because it is being terminated'
    )
    api.put(world, config("late", "other"), "user")


def test_a_finalizer_holds_a_namespace_until_it_is_taken_off() -> None:
    world = shop(config("held", "shop", finalizers=["example.org/x"]))
    api.delete(world, SHOP, "test")
    world.run_for(300 * SECOND_US)
    assert [r.key.name for r in world.store.within("shop")] == ["held"]
    assert world.store.get(SHOP) is not None
    api.put(world, config("held", "shop"), "user")
    world.run_for(1)
    assert world.store.get(SHOP) is None
    assert world.store.within("shop") == []


def test_a_namespace_that_hangs_says_what_is_left_in_it_and_what_holds_that() -> None:
    world = shop(config("held", "shop", finalizers=["example.org/x"]), config("free", "shop"))
    assert render(world, world.store.state.objects[SHOP])["status"] == {"phase": "Active"}
    api.delete(world, SHOP, "test")
    world.run_for(1)
    assert why(world)["NamespaceContentRemaining"] == (
        "True", "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances, pods. has 2 resource instances",
    )  # fmt: skip
    world.run_for(300 * SECOND_US)
    held = "Some content in the namespace has finalizers remaining: example.org/x in 1 resource instances"
    assert why(world)["NamespaceFinalizersRemaining"] == ("True", "SomeFinalizersRemain", held)
    assert why(world)["NamespaceDeletionContentFailure"][0] == "False"


def why(world: World) -> dict[str, tuple[str, str, str]]:
    """The conditions of a namespace that is on its way out."""
    status = render(world, world.store.state.objects[SHOP])["status"]
    assert status["phase"] == "Terminating"
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}


def test_a_namespace_that_must_stay_does() -> None:
    world = cluster(namespace("default"))
    with pytest.raises(Denied, match='namespaces "default" is forbidden: this namespace may not be deleted'):
        api.delete(world, ObjectKey("Namespace", "", "default"), "user")


def test_a_pod_with_a_finalizer_stays_until_it_is_taken_off() -> None:
    world = cluster(workload("Deployment"), seconds=30)
    (pod,) = members(world, "Deployment")
    stuck = {**pod.manifest, "metadata": {**pod.manifest["metadata"], "finalizers": ["example.org/x"]}}
    api.put(world, stuck, "user")
    api.delete(world, pod.key, "user")
    world.run_for(120 * SECOND_US)
    found = world.store.get(pod.key)
    assert found is not None and found.deleting
    assert len(members(world, "Deployment")) == 1
    api.put(world, pod.manifest, "user")
    world.run_for(60 * SECOND_US)
    assert world.store.get(pod.key) is None


def test_a_pod_is_to_be_gone_when_its_grace_period_is_over_whoever_asks_when() -> None:
    world = cluster(workload("Deployment"), seconds=30)
    (pod,) = members(world, "Deployment")
    api.put(world, {**pod.manifest, "metadata": {**pod.manifest["metadata"], "finalizers": ["example.org/x"]}}, "user")
    api.delete(world, pod.key, "user")
    for _ in range(2):
        assert render(world, get(world, "Pod", pod.key.name))["metadata"]["deletionTimestamp"] == "2025-01-01T00:01:00Z"
        world.run_for(300 * SECOND_US)


def test_orphans_run_on_without_their_owner() -> None:
    world = cluster(workload("ReplicaSet", replicas=2), seconds=5)
    api.delete(world, key("ReplicaSet"), "user", "Orphan")
    world.run_for(60 * SECOND_US)
    assert world.store.get(key("ReplicaSet")) is None
    assert [(pod.owner, pod.deleting) for pod in world.store.list("Pod")] == [(None, False)] * 2
    api.put(world, workload("ReplicaSet", replicas=1), "user")
    world.run_for(60 * SECOND_US)
    assert len(world.store.list("Pod")) == len(members(world, "ReplicaSet")) == 1  # it has taken them in


def test_in_the_foreground_the_owner_goes_last() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=30)
    api.delete(world, key("Deployment"), "user", "Foreground")
    world.run_for(1)
    owner = get(world, "Deployment")
    assert owner.deleting and finalizers_of(owner.manifest) == [FOREGROUND]
    assert [pod.deleting for pod in world.store.list("Pod")] == [True, True]
    world.run_for(60 * SECOND_US)
    assert [world.store.list(kind) for kind in ("Deployment", "ReplicaSet", "Pod")] == [[], [], []]


def test_in_the_background_the_owner_goes_first() -> None:
    world = cluster(workload("Deployment", replicas=2), seconds=30)
    api.delete(world, key("Deployment"), "user")
    assert world.store.get(key("Deployment")) is None
    assert len(world.store.list("Pod")) == 2
    world.run_for(60 * SECOND_US)
    assert world.store.list("Pod") == []


def test_owner_references_are_followed_for_any_kind() -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": "1"}
    world = cluster(config("parent"), config("child", ownerReferences=[reference]))
    api.delete(world, key("ConfigMap", "parent"), "user")
    world.run_for(1)
    assert world.store.list("ConfigMap") == []


def test_an_object_whose_owner_is_not_there_is_collected() -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "1"}
    world = cluster(config("child", ownerReferences=[reference]))
    world.run_for(1)
    assert world.store.list("ConfigMap") == []


def test_an_object_goes_with_the_last_of_its_owners() -> None:
    references = [{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": "1"} for name in ("p", "q")]
    world = cluster(config("p"), config("q"), config("child", ownerReferences=references))
    api.delete(world, key("ConfigMap", "p"), "user")
    world.run_for(1)
    assert [found.key.name for found in world.store.list("ConfigMap")] == ["child", "q"]
    forked = world.fork()
    api.delete(forked, key("ConfigMap", "q"), "user")
    forked.run_for(1)
    assert forked.store.list("ConfigMap") == []
    api.delete(world, key("ConfigMap", "q"), "user", "Orphan")
    world.run_for(1)
    assert [found.key.name for found in world.store.list("ConfigMap")] == ["child"]


def test_an_object_of_no_namespace_has_no_owner_in_one() -> None:
    def volume(name: str, owner: str) -> dict[str, Any]:
        kind = {"apiVersion": "v1", "kind": owner, "name": "nobody", "uid": "1"}
        metadata = {"name": name, "ownerReferences": [kind]}
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": {}}

    world = cluster(volume("kept", "ConfigMap"), volume("gone", "Namespace"))
    world.run_for(1)
    assert [found.key.name for found in world.store.list("PersistentVolume")] == ["kept"]
