"""Which pods stand behind a Service, and on which ports."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.world import World
from tests.application.mesh import mesh, service
from tests.cluster.test_kubelet import only, pods, put, web


def endpoints(world: World, name: str = "web") -> dict[str, dict[int, int]]:
    found = world.store.state.objects[ObjectKey("EndpointSlice", "default", name)].status.endpoints
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
