"""Which pods stand behind a Service, and on which ports."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api, endpoint_slices
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import mesh, service
from tests.cluster.test_kubelet import after, only, placed, pods, put, web


def endpoints(world: World, name: str = "web") -> dict[str, dict[int, int]]:
    found = endpoint_slices.ready(world, ObjectKey("Service", "default", name))
    return {e.pod: dict(e.ports) for e in found}


def test_a_relabelled_pod_leaves_one_service_for_another() -> None:
    world = put(mesh(), web(), service("web"), service("debug"))
    pod = only(world)
    put(world, {**pod.manifest, "metadata": {**pod.manifest["metadata"], "labels": {"app": "debug"}}}, seconds=0)
    assert (endpoints(world), list(endpoints(world, "debug"))) == ({}, [pod.key.name])


@pytest.mark.parametrize(
    ("port", "target", "leads"), [(80, None, 80), (9, 80, 80), (9, "http", 81), (9, "second", 82), (9, "none", None)]
)
def test_a_services_port_leads_to_the_first_container_that_has_it(port: int, target: Any, leads: int | None) -> None:
    ports = [{"name": "http", "containerPort": 81}]
    second = {"ports": [{"name": "http", "containerPort": 83}, {"name": "second", "containerPort": 82}]}
    world = put(mesh(), web(ports=ports, sidecar=second))
    entry = {"port": port} if target is None else {"port": port, "targetPort": target}
    put(world, strategic_merge(service("web"), {"spec": {"ports": None}}), seconds=0)
    put(world, {**service("web"), "spec": {"selector": {"app": "web"}, "ports": [entry]}}, seconds=0)
    assert endpoints(world)[only(world).key.name] == ({port: leads} if leads else {})


def test_a_dying_pod_is_no_endpoint_and_a_service_without_selector_has_none() -> None:
    world = put(mesh(), web(2), service("web"), {**service("none"), "spec": {"ports": [{"port": 1}]}})
    put(world, {**service("empty"), "spec": {"selector": {}, "ports": [{"port": 1}]}})
    assert endpoints(world, "none") == endpoints(world, "empty") == {}
    first, second = pods(world)
    api.delete(world, first.key, "test")
    world.run_for(0)
    assert list(endpoints(world)) == [second.key.name]
    assert world.store.state.objects[first.key].status.ready
    world.store.report(second.key, msgspec.structs.replace(second.status, ready=False))
    world.run_for(0)
    assert endpoints(world) == {}


def test_nobody_keeps_the_slices_of_a_service_that_chooses_no_pods() -> None:
    world = put(mesh(), web(), service("web"), {**service("none"), "spec": {"ports": [{"port": 1}]}})
    elsewhere = {**service("elsewhere")["spec"], "type": "ExternalName", "selector": {"app": "web"}}
    put(world, {**service("elsewhere"), "spec": elsewhere})
    named = {found.key.name for found in world.store.list("EndpointSlice")}
    assert not {"none", "elsewhere"} & named
    before = endpoints(world)
    put(world, {**service("web"), "spec": {"ports": [{"port": 80}]}})
    api.delete(world, only(world).key, "test")
    world.run_for(60 * SECOND_US)
    assert endpoints(world) == before != {}, "what was there when the selector went"
    assert only(world).key.name not in before


def test_every_label_of_a_selector_counts() -> None:
    world = put(mesh(), web())
    for name, labels in (("both", {"app": "web", "tier": "x"}), ("other", {"app": "a", "x": "y"})):
        put(world, service(name, labels), seconds=0)
        assert endpoints(world, name) == {}
    pod = only(world)
    labelled = {**pod.manifest["metadata"], "labels": {"app": "web", "tier": "x"}}
    put(world, {**pod.manifest, "metadata": labelled}, seconds=0)
    assert list(endpoints(world, "both")) == [pod.key.name]
    assert endpoints(world, "other") == {}


def conditions(world: World, name: str = "web") -> dict[str, tuple[bool, bool, bool]]:
    """Ready, serving, terminating by pod."""
    found = world.store.state.objects[ObjectKey("EndpointSlice", "default", name)].status.endpoints
    return {e.pod: (e.ready, e.serving, e.terminating) for e in found}


def test_an_endpoint_is_listed_from_its_address_to_its_end_with_how_it_fares() -> None:
    slow = {"tcpSocket": {"port": 80}, "initialDelaySeconds": 20}
    world = put(mesh(), web(readinessProbe=slow), service("web"), seconds=0)
    after(world, lambda: conditions(world))
    assert conditions(world) == {only(world).key.name: (False, False, False)}
    after(world, lambda: only(world).status.ready)
    world.run_for(0)
    name = only(world).key.name
    assert conditions(world) == {name: (True, True, False)}
    api.delete(world, only(world).key, "test")
    world.run_for(0)
    assert conditions(world)[name] == (False, True, True)
    world.run_for(10 * SECOND_US)
    assert name not in conditions(world)


def test_a_pod_whose_image_cannot_be_had_is_an_endpoint_that_is_not_ready_and_one_without_its_volumes_none() -> None:
    volume = {"name": "v", "secret": {"secretName": "missing"}}
    world = put(mesh(), web(image="gone:1"), service("web"))
    assert [*conditions(world).values()] == [(False, False, False)]
    world = put(mesh(), placed(web(), volumes=[volume]), service("web"))
    assert conditions(world) == {}


def test_a_service_may_publish_addresses_that_are_not_ready() -> None:
    published = strategic_merge(service("web"), {"spec": {"publishNotReadyAddresses": True}})
    dead = {"exec": {"command": ["false"]}}
    world = put(mesh(), web(readinessProbe=dead), published, seconds=30)
    assert set(conditions(world).values()) == {(True, False, False)}
