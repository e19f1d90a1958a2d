"""What each fault can strike, what it writes there, and how a user names it."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.faults import FAULTS, choose_target, find, inject
from stratus_sim.faults.catalogue import register
from stratus_sim.genesis import deploy
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, service
from tests.faults.test_faults import struck

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}


def targets(world: World, fault: str) -> list[str]:
    return [found.name for found in find(fault).targets(world)]


def container_after(world: World, fault: str, name: str = "a") -> dict[str, Any]:
    ((_, manifest),) = find(fault).writes(world, key(name))
    assert manifest is not None
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


def with_container(name: str, **fields: Any) -> dict[str, Any]:
    manifest = deployment(name)
    manifest["spec"]["template"]["spec"]["containers"][0].update(fields)
    return manifest


@pytest.mark.parametrize("name", ["b", "B", "deployment/b", "Deployment/b", "default/b"])
def test_a_target_has_several_names(name: str) -> None:
    world, fault = mesh("a>b"), find("scale-to-zero")
    assert choose_target(world, fault, name) == key("b")
    assert choose_target(world, fault) == key("a")


def test_a_fault_that_finds_nothing_and_a_name_that_is_taken_say_so() -> None:
    with pytest.raises(UserError, match="finds nothing to strike"):
        choose_target(mesh(), find("configmap-missing"))
    with pytest.raises(ValueError, match="two faults"):
        register(find("scale-to-zero")._replace(summary="another"))
    assert register(FAULTS["scale-to-zero"]) is FAULTS["scale-to-zero"]


def test_services_on_the_path_of_requests_can_point_nowhere_by_their_first_port() -> None:
    headless = {**service("h"), "spec": {"selector": {"app": "b"}}}
    two = {**service("b"), "spec": {"selector": {"app": "b"}, "ports": [{"port": 80}, {"port": 81, "name": "x"}]}}
    world = mesh("a>b", soft=["b>telemetry"], extra=[headless, service("idle")])
    api.put(world, two, "test")
    assert targets(world, "service-target-port-misconfig") == ["a", "b"]
    ((_, manifest),) = find("service-target-port-misconfig").writes(world, key("b", "Service"))
    assert manifest is not None
    assert manifest["spec"]["ports"] == [{"port": 80, "targetPort": 9999}, {"port": 81, "name": "x"}]
    api.put(world, {**two, "spec": {"selector": {"app": "b"}}}, "test")
    assert targets(world, "service-target-port-misconfig") == ["a"]


def test_only_callers_of_what_they_cannot_do_without_are_partitioned() -> None:
    world = mesh("b>c", soft=["a>z", "b>a"])
    assert targets(world, "network-partition") == ["b"]
    ((_, manifest),) = find("network-partition").writes(world, key("b"))
    assert manifest is not None
    assert manifest["spec"]["target"]["selector"]["labelSelectors"] == {"app": "c"}


def test_only_nodes_with_pods_are_lost() -> None:
    world = mesh()
    (used,) = {pod.status.node for pod in world.store.list("Pod")}
    assert targets(world, "kubelet-crash") == [used]


def env(source: dict[str, Any]) -> dict[str, Any]:
    return {"env": [{"name": "E", "valueFrom": source}]}


@pytest.mark.parametrize(
    ("fields", "volumes", "needed"),
    [
        ({}, [{"name": "v", "configMap": {"name": "c"}}], True),
        ({}, [{"name": "v", "configMap": {"name": "c", "optional": True}}], False),
        ({}, [{"name": "v", "configMap": {"name": "other", "optional": True}}], False),
        ({"envFrom": [{"configMapRef": {"name": "c"}}]}, [], True),
        (env({"configMapKeyRef": {"name": "c", "key": "k"}}), [], True),
        (env({"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}), [], False),
        (env({"secretKeyRef": {"name": "c", "key": "k", "optional": True}}), [], False),
    ],
)
def test_a_config_map_can_be_missed_when_pods_cannot_start_without_it(
    fields: dict[str, Any], volumes: list[Any], needed: bool
) -> None:
    manifest = with_container("w", **fields)
    manifest["spec"]["template"]["spec"]["volumes"] = volumes
    elsewhere = {**CONFIG, "metadata": {"name": "c", "namespace": "elsewhere"}}
    world = mesh(extra=[manifest, {**CONFIG, "data": {"k": "v"}}, elsewhere])
    found = [k.namespace for k in find("configmap-missing").targets(world)]
    assert found == (["default"] if needed else [])


@pytest.mark.parametrize(
    ("image", "bad"),
    [
        ("geo", "geo:latest-"),
        ("geo:1", "geo:1-"),
        ("reg.io:5000/x/geo:1@sha256:ab", "reg.io:5000/x/geo:1-"),
        ("geo@sha256:ab", "geo:latest-"),
        ("reg.io:5000/x/geo", "reg.io:5000/x/geo:latest-"),
    ],
)
def test_a_bad_tag_is_that_of_another_build(image: str, bad: str) -> None:
    world = mesh(extra=[with_container("w", image=image)])
    found = container_after(world, "image-pull-bad-tag", "w")["image"]
    assert found.removesuffix(found[-7:]) == bad and found[-7:].isalnum()
    assert not world.processes.image_exists(found)


def test_a_bad_probe_takes_the_place_of_the_one_there_was() -> None:
    old = {"tcpSocket": {"port": 80}, "periodSeconds": 3}
    world = mesh(extra=[with_container("w", readinessProbe=old)])
    probe = container_after(world, "readiness-probe-misconfig", "w")["readinessProbe"]
    assert probe == {"periodSeconds": 3, "httpGet": {"path": "/ready", "port": 40}}


@pytest.mark.parametrize(
    ("value", "wrong"), [("b:80", "b:9999"), ("http://b", "http://b-old"), ("http://b:80/x", "http://b-old:80/x")]
)
def test_a_wrong_address_has_another_port_or_else_another_host(value: str, wrong: str) -> None:
    manifest = with_container("caller", env=[{"name": "B_ADDR", "value": value}])
    idle = {"name": "idle", "image": "i:1", "env": [{"name": "B_ADDR", "value": "unused"}]}
    manifest["spec"]["template"]["spec"]["containers"].insert(0, idle)
    manifest["spec"]["template"]["spec"]["containers"][1]["name"] = "main"
    manifests = Manifests((manifest, service("caller"), deployment("b"), service("b")))
    world = deploy(manifests, describe(manifests))
    assert targets(world, "env-var-wrong-value") == ["caller"]
    ((_, struck_manifest),) = find("env-var-wrong-value").writes(world, key("caller"))
    assert struck_manifest is not None
    idle_after, main = struck_manifest["spec"]["template"]["spec"]["containers"]
    assert (idle_after, main["env"]) == (idle, [{"name": "B_ADDR", "value": wrong}])


def test_the_effect_of_one_fault_is_not_taken_for_that_of_another() -> None:
    world, target = struck("resource-limit-oom")
    assert isinstance(target, ObjectKey)
    assert not find("readiness-probe-misconfig").evident(world, target)
    assert not find("image-pull-bad-tag").evident(world, target)


def test_pods_on_their_way_out_show_no_effect_any_more() -> None:
    world = mesh()
    inject.schedule(world, 0, "scale-to-zero", key("a"))
    world.run_for(0)
    assert [pod.deleting for pod in world.store.list("Pod")] == [True]
    assert find("scale-to-zero").evident(world, key("a"))


def test_a_fault_writes_whole_objects_as_they_were_when_it_was_scheduled() -> None:
    world = mesh()
    inject.schedule(world, SECOND_US, "scale-to-zero", key("a"))
    found = world.store.state.objects[key("a")].manifest
    api.put(world, strategic_merge(found, {"spec": {"replicas": 3}, "metadata": {"labels": {"x": "y"}}}), "human")
    world.run_for(2 * SECOND_US)
    change = world.cluster.audit
    assert change is not None
    assert (change.writer, change.whole) == ("fault", True)
    assert change.after == strategic_merge(found, {"spec": {"replicas": 0}})
