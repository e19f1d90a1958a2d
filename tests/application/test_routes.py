"""Routes kept from the last epoch give the flows that reading everything anew gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stratus_sim.application.behaviours.registry import BEHAVIOURS, Offered, Served
from stratus_sim.application.dynamics.advance import preview
from stratus_sim.application.flow import Flows
from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.pods import root_owner
from stratus_sim.kernel import SECOND_US
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.application.mesh import key, mesh, service
from tests.conftest import stage

FAULTS = sorted({fault for fault, _ in stage().strikes()})


def kept_and_fresh(world: World) -> tuple[Flows, Flows]:
    fork = world.fork()
    fork.traffic.routes = fork.traffic.roles = fork.traffic.footing = fork.traffic.board = None
    return preview(world), preview(fork)


def struck(fault: str) -> Iterator[World]:
    target = next(target for name, target in stage().strikes() if name == fault)
    world = stage().world(Scenario(fault, target, fault_at_s=5, fault_for_s=120))
    yield world
    for _ in range(12):
        world.run_for(3 * SECOND_US)
        yield world
    for _ in range(8):
        world.run_for(40 * SECOND_US)
        yield world


@pytest.mark.parametrize("fault", FAULTS)
def test_through_a_fault_and_after_it(fault: str) -> None:
    for world in struck(fault):
        kept, fresh = kept_and_fresh(world)
        assert kept == fresh, world.now_us


def test_at_every_step_of_a_roll_out(hotel: World) -> None:
    deployment = hotel.store.list("Deployment")[0]
    template = deployment.manifest["spec"]["template"]
    marked = {**template, "metadata": {**template["metadata"], "annotations": {"again": "yes"}}}
    manifest = {**deployment.manifest, "spec": {**deployment.manifest["spec"], "template": marked}}
    kept_and_fresh(hotel)
    api.put(hotel, manifest, "test")
    end_us = hotel.now_us + 60 * SECOND_US
    while hotel.now_us < end_us and hotel.step():
        kept, fresh = kept_and_fresh(hotel)
        assert kept == fresh, hotel.now_us


def test_what_did_not_change_is_not_read_again(hotel: World) -> None:
    kept_and_fresh(hotel)
    before = hotel.traffic.routes
    pod = hotel.store.list("Pod")[0]
    owner = root_owner(hotel, pod)
    assert owner is not None
    api.delete(hotel, pod.key, "test")
    hotel.run_for(30 * SECOND_US)
    kept_and_fresh(hotel)
    after = hotel.traffic.routes
    assert before is not None and after is not None
    changed = {name for name, serving in after.serving.items() if serving is not before.serving[name]}
    assert changed == {f"{owner.namespace}/{owner.name}"}


def test_what_did_not_change_fares_as_it_did() -> None:
    world = mesh("a>c", "b>d", entrypoints=("a", "b"))
    before = kept_and_fresh(world)[0]
    pod = next(pod for pod in world.store.list("Pod") if pod.key.name.startswith("c-"))
    world.store.report(pod.key, replace(pod.status, ready=False))
    world.run_for(2 * SECOND_US)
    after, fresh = kept_and_fresh(world)
    assert after == fresh
    same = {name for name, flow in after.workloads.items() if flow is before.workloads[name]}
    assert same == {"default/b", "default/d"}
    assert [old is new for old, new in zip(before.entries, after.entries, strict=True)] == [False, True]


def test_a_template_with_other_software_is_read_again(hotel: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_and_fresh(hotel)[0]
    name = next(name for name, flow in before.workloads.items() if flow.rate)
    deployment = hotel.store.get(ObjectKey("Deployment", *name.split("/")))
    assert deployment is not None
    template = deployment.manifest["spec"]["template"]
    monkeypatch.setitem(BEHAVIOURS, "cache", _broken)
    container = {"name": template["spec"]["containers"][0]["name"], "image": "redis:7"}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    hotel.store.configure(deployment.key, strategic_merge(deployment.manifest, change))
    kept, fresh = kept_and_fresh(hotel)
    assert kept == fresh
    assert kept.workloads[name].success_permille == 0


def _broken(_world: World, _offered: Offered, _memory: object) -> Served:
    return Served(success=0.0, errors={"broken": 1.0})


def test_whose_pods_have_stirred_is_told_once(hotel: World) -> None:
    store = hotel.store
    pod = next(pod for pod in store.list("Pod") if pod.status.ready)
    owner = pod.owner
    assert owner is not None
    store.stirred(0)
    since = store.version
    store.report(pod.key, replace(pod.status, failures=7))
    assert list(store.stirred(since) or ()) == []
    since = store.version
    store.report(pod.key, replace(pod.status, ready=False))
    assert list(store.stirred(since) or ()) == [owner]
    assert store.stirred(since) is None  # it has been told
    since = store.version
    store.entrust(owner, None)
    assert store.stirred(since) is None  # whose pods they are has changed


def test_pods_that_are_gone_before_anybody_was_told(hotel: World) -> None:
    kept_and_fresh(hotel)
    replica_set = next(one for one in hotel.store.list("ReplicaSet") if hotel.store.standing(one.key)[1])
    for pod in hotel.store.owned(replica_set.key):
        hotel.store.remove(pod.key)
    kept, fresh = kept_and_fresh(hotel)
    assert kept == fresh


def test_pods_that_are_gone_with_their_set(hotel: World) -> None:
    kept_and_fresh(hotel)
    replica_set = next(one for one in hotel.store.list("ReplicaSet") if hotel.store.standing(one.key)[1])
    for one in (*hotel.store.owned(replica_set.key), replica_set):
        hotel.store.remove(one.key)
    kept, fresh = kept_and_fresh(hotel)
    assert kept == fresh


def test_a_patched_pod_is_read_again(hotel: World) -> None:
    kept_and_fresh(hotel)
    pod = next(pod for pod in hotel.store.list("Pod") if pod.status.ready)
    owner = pod.owner
    assert owner is not None
    since = hotel.store.standing_since(owner)
    hotel.store.configure(pod.key, {**pod.manifest, "metadata": {**pod.manifest["metadata"], "labels": {"x": "y"}}})
    assert hotel.store.standing_since(owner) > since
    hotel.run_for(SECOND_US)
    kept, fresh = kept_and_fresh(hotel)
    assert kept == fresh


def chaos(source: str, target: str) -> dict[str, Any]:
    sides = {
        "selector": {"labelSelectors": {"app": source}},
        "target": {"selector": {"labelSelectors": {"app": target}}},
    }
    spec = {"action": "partition", "direction": "to", **sides}
    metadata = {"name": "cut", "namespace": "default"}
    return {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos", "metadata": metadata, "spec": spec}


def success(flows: Flows) -> dict[str, int]:
    return {call.call.source: call.success_permille for call in flows.calls}


def test_a_partition_cuts_one_of_two_callers_and_ends() -> None:
    world = mesh("a>c", "b>c", entrypoints=("a", "b"))
    assert success(kept_and_fresh(world)[0]) == {"a": 1000, "b": 1000}
    for manifest, expected in ((chaos("b", "c"), {"a": 1000, "b": 0}), (chaos("a", "c"), {"a": 0, "b": 1000})):
        api.put(world, manifest, "test")
        kept, fresh = kept_and_fresh(world)
        assert kept == fresh
        assert success(kept) == expected
    api.delete(world, ObjectKey("NetworkChaos", "default", "cut"), "test")
    assert success(kept_and_fresh(world)[0]) == {"a": 1000, "b": 1000}


def test_a_service_that_goes_and_comes_back() -> None:
    world = mesh("a>c")
    kept_and_fresh(world)
    api.delete(world, key("c", "Service"), "test")
    world.run_for(2 * SECOND_US)
    kept, fresh = kept_and_fresh(world)
    assert kept == fresh
    assert success(kept) == {"a": 0}
    api.put(world, service("c"), "test")
    world.run_for(2 * SECOND_US)
    assert success(kept_and_fresh(world)[0]) == {"a": 1000}


def test_an_address_in_a_file_is_read_again_though_no_pod_changed(shared_manifests: Path) -> None:
    stage = Stage(Source(manifests=str(shared_manifests / "otel-demo")))
    world = stage.standing(0)
    call = next(call for call in world.application.calls if call.via.startswith("configmap"))
    kept_and_fresh(world)
    name, _, file = call.via.partition(":")[2].partition("/")
    found = world.store.get(ObjectKey("ConfigMap", call.namespace, name))
    assert found is not None
    text = found.manifest["data"][file].replace(call.target, "nowhere")
    world.store.configure(found.key, {**found.manifest, "data": {**found.manifest["data"], file: text}})
    kept, fresh = kept_and_fresh(world)
    assert kept == fresh


def test_pods_whose_set_is_gone_belong_to_nobody_else(hotel: World) -> None:
    kept_and_fresh(hotel)
    hotel.store.remove(hotel.store.list("ReplicaSet")[0].key)
    kept, fresh = kept_and_fresh(hotel)
    assert kept == fresh
