"""The account `default` of every namespace, and what accounts do to pods."""

from __future__ import annotations

from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import is_configuration
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.cluster.workloads import Spec, change, cluster, get, members, reasons, template, workload

SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def account(name: str = "default", **fields: object) -> Spec:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, **fields}


def config(namespace: str) -> Spec:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}}


def accounts(world: World) -> list[tuple[str, str]]:
    return [(found.key.namespace, found.key.name) for found in world.store.list("ServiceAccount")]


def test_a_namespace_has_its_account_when_it_is_declared_and_when_something_is_written_into_it() -> None:
    world = cluster(SHOP, config("other"))
    assert accounts(world) == [("default", "default"), ("other", "default"), ("shop", "default")]
    assert not any(map(is_configuration, world.store.list("ServiceAccount")))
    bare = cluster(nodes=2)
    assert (accounts(bare), bare.store.version) == ([("default", "default")], 3)


def test_the_account_comes_back_when_somebody_deletes_it_and_pods_have_to_wait_for_it() -> None:
    world = cluster(workload("ReplicaSet"), seconds=5)
    old = get(world, "ServiceAccount", "default")
    change(world, "ReplicaSet", replicas=2)
    api.delete(world, old.key, "user")
    world.run_for(SECOND_US)
    assert get(world, "ServiceAccount", "default").uid > old.uid
    assert len(members(world, "ReplicaSet")) == 2
    (said,) = [e.message for e in world.cluster.events.values() if e.reason == "FailedCreate"]
    assert said.endswith('error looking up service account default/default: serviceaccount "default" not found')


def test_the_account_goes_with_its_namespace() -> None:
    world = cluster(SHOP, config("shop"), seconds=1)
    api.delete(world, ObjectKey("Namespace", "", "shop"), "user")
    world.run_for(SECOND_US)
    assert (accounts(world), world.store.list("Namespace")) == ([("default", "default")], [])


def test_a_namespace_that_waits_for_a_finalizer_gets_no_account() -> None:
    held = config("shop")
    metadata = {**held["metadata"], "finalizers": ["example.com/hold"]}
    world = cluster(SHOP, {**held, "metadata": metadata}, seconds=1)
    api.delete(world, ObjectKey("Namespace", "", "shop"), "user")
    world.run_for(SECOND_US)
    assert (accounts(world), len(world.store.list("Namespace"))) == ([("default", "default")], 1)


def test_an_account_of_ones_own_stays_and_one_of_another_name_is_not_made_again() -> None:
    world = cluster(account(secrets=[{"name": "s"}]), account("builder"), nodes=0)
    assert world.store.version == 2
    own = get(world, "ServiceAccount", "default")
    assert (own.manifest["secrets"], is_configuration(own)) == ([{"name": "s"}], True)
    api.delete(world, get(world, "ServiceAccount", "builder").key, "user")
    world.run_for(0)
    assert accounts(world) == [("default", "default")]


def test_an_account_that_was_made_is_whose_who_writes_it() -> None:
    world = cluster(account(secrets=[{"name": "s"}]))
    own = get(world, "ServiceAccount", "default")
    assert (own.manifest["secrets"], own.generation, is_configuration(own)) == ([{"name": "s"}], 2, True)


def test_pods_without_pull_secrets_have_those_of_their_account() -> None:
    shared, own = [{"name": "shared"}], [{"name": "own"}]
    world = cluster(
        account(imagePullSecrets=shared),
        workload("Deployment"),
        workload("Deployment", "v", template=template("v", imagePullSecrets=own)),
        seconds=5,
    )
    found = {name: members(world, "Deployment", name)[0] for name in ("w", "v")}
    assert {name: pod.manifest["spec"]["imagePullSecrets"] for name, pod in found.items()} == {"w": shared, "v": own}
    assert "FailedToRetrieveImagePullSecret" in reasons(world, "Pod", found["w"].key.name)
