"""Feature flags: definitions read as data, live or copied, and what they make services do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.behaviours.flags import read
from stratus_sim.application.behaviours.memory import recall
from stratus_sim.application.behaviours.queue import lags
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.topology import Topology
from stratus_sim.manifests.traffic_shapes import DeclaredLoad
from stratus_sim.world import World
from tests.application import backends
from tests.application.backends import (
    Object,
    act,
    behind,
    call,
    config_map,
    front,
    key,
    service,
    stand,
    users,
    workload,
)

FLAGD = "ghcr.io/open-feature/flagd:v0.12.8"
ASKS = {"FLAGD_HOST": "flagd", "FLAGD_PORT": "8013"}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "productCatalogFailure": {"on": True, "off": False},
    "adHighCpu": {"on": True, "off": False},
    "paymentFailure": {"100%": 1, "25%": 0.25, "off": 0},
    "paymentUnreachable": {"on": True, "off": False},
    "imageSlowLoad": {"10sec": 10000, "5sec": 5000, "off": 0},
    "kafkaQueueProblems": {"on": 100, "off": 0},
    "loadGeneratorFloodHomepage": {"on": 100, "off": 0},
}
REST = {
    name: {"on": True, "off": False}
    for name in ("adFailure", "adManualGc", "cartFailure", "recommendationCacheFailure", "paymentUnreachable")
}


def definition(state: str = "ENABLED", known: Mapping[str, Mapping[str, Any]] = VARIANTS, **chosen: str) -> str:
    flags = {
        name: {"state": state, "variants": variants, "defaultVariant": chosen.get(name, "off")}
        for name, variants in known.items()
    }
    return json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": flags})


def flagd(*, copied: bool = False) -> tuple[Object, Object]:
    """With its definitions mounted, or copied to a directory of its own by an init container."""
    source = {"name": "flags", "configMap": {"name": "flags"}}
    if not copied:
        return behind("flagd", FLAGD, 8013, data=("/etc/flagd", {"configMap": {"name": "flags"}}))
    copy = {"name": "copy", "image": "busybox", "volumeMounts": [{"name": "flags", "mountPath": "/config-ro"}]}
    server: dict[str, Any] = json.loads(
        json.dumps(workload("flagd", FLAGD, 8013, data=("/etc/flagd", {"emptyDir": {}})))
    )
    server["spec"]["template"]["spec"]["volumes"].append(source)
    server["spec"]["template"]["spec"]["initContainers"] = [copy]
    return server, service("flagd", 8013)


def demo(*, copied: bool = False, text: str | None = None) -> World:
    peers = {"CATALOG_ADDR": "product-catalog:3550", "PAYMENT_ADDR": "payment:50051"}
    return stand(
        config_map("flags", **{"demo.flagd.json": text or definition()}),
        *front(
            {
                **peers,
                "AD_ADDR": "adservice:9555",
                "IMAGES_ADDR": "image-provider:8081",
                "BUS_ADDR": "kafka:9092",
                **ASKS,
            }
        ),
        *behind("product-catalog", "registry.example/catalog:1", 3550, ASKS),
        *behind("payment", "registry.example/payment:1", 50051, ASKS),
        *behind("adservice", "registry.example/ad:1", 9555, ASKS),
        *behind("image-provider", "registry.example/images:1", 8081, ASKS),
        *behind("kafka", "apache/kafka:3.8", 9092),
        workload("mailer", "registry.example/mailer:1", 8082, {"BUS_ADDR": "kafka:9092"}),
        workload("load-generator", "registry.example/locust:1", 8089, {"LOCUST_HOST": "http://api:8080", **ASKS}),
        *flagd(copied=copied),
    )


def rest() -> World:
    """The services of the demo whose flags `demo` has not."""
    names = {"AD_ADDR": "ad", "CART_ADDR": "cart", "RECOMMENDATION_ADDR": "recommendation", "CHECKOUT_ADDR": "checkout"}
    return stand(
        config_map("flags", **{"demo.flagd.json": definition(known=REST)}),
        *front({variable: f"{name}:8080" for variable, name in names.items()}),
        *(one for name in names.values() for one in behind(name, f"registry.example/{name}:1", 8080, ASKS)),
        *flagd(),
    )


def choose(world: World, wait_s: int = 5, **chosen: str) -> None:
    act(world, "patch", "configmap/flags", {"patch": {"data": {"demo.flagd.json": definition(**chosen)}}}, wait_s)


def test_flags_that_are_off_do_nothing() -> None:
    world = demo()
    assert users(world) == 1000
    assert not world.traffic.scheduled


def test_a_failure_of_some_requests() -> None:
    world = demo()
    choose(world, productCatalogFailure="on")
    flow = call(world, "api", "product-catalog")
    assert (flow.success_permille, users(world)) == (900, 900)
    assert flow.error.startswith("rpc error: code = Internal")
    choose(world)
    assert (call(world, "api", "product-catalog").error, users(world)) == ("", 1000)
    assert not world.traffic.scheduled


def test_a_variant_says_how_many_fail() -> None:
    world = demo()
    choose(world, paymentFailure="25%")
    assert call(world, "api", "payment").success_permille == 750
    choose(world, paymentFailure="100%")
    assert users(world) == 0


def test_cpu_and_latency() -> None:
    world = demo()
    quiet = epochs.current(world).workloads
    choose(world, adHighCpu="on")
    busy = epochs.current(world).workloads
    assert busy["default/adservice"].load_permille == 8 * quiet["default/adservice"].load_permille
    choose(world, imageSlowLoad="5sec")
    busy = epochs.current(world).workloads
    assert busy["default/image-provider"].latency_us - quiet["default/image-provider"].latency_us == 5_000_000


def test_more_messages_than_a_consumer_takes() -> None:
    world = demo()
    choose(world, wait_s=30, kafkaQueueProblems="on")
    assert lags(world)["default/kafka", "default/mailer"] > 10_000
    choose(world, wait_s=5)
    assert recall(world, key("kafka")).backlogs[0].growth < 0


@pytest.mark.parametrize("moving", [False, True])
def test_a_flood_of_requests(moving: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    topology = Topology(load=DeclaredLoad(rps=50)) if moving else None
    monkeypatch.setattr(backends, "describe", lambda manifests, _: describe(manifests, topology))
    world = demo()
    assert world.application.generators == ("default/load-generator",)
    choose(world, loadGeneratorFloodHomepage="on")
    flow = epochs.current(world).entries[0]
    assert flow.rate == 910_000, "five of its 29 tasks ask a hundred times"
    choose(world)
    assert epochs.current(world).entries[0].rate == 50_000


def test_a_copy_is_read_when_the_pod_starts() -> None:
    world = demo(copied=True)
    choose(world, productCatalogFailure="on")
    assert users(world) == 1000
    act(world, "rollout-restart", "deployment/flagd")
    assert users(world) == 900
    choose(world)
    assert users(world) == 900


def test_who_cannot_reach_flagd_goes_on_without() -> None:
    world = demo()
    choose(world, productCatalogFailure="on")
    act(world, "scale", "deployment/flagd", {"replicas": 0})
    assert (call(world, "api", "product-catalog").success_permille, users(world)) == (1000, 1000)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"flags": 3}', '{"flags": {"a": {}}}', '{"flags": {"a": {"state": "ENABLED", "variants": {}}}}'],
)
def test_what_is_no_definition(text: str) -> None:
    assert read(text) == {}


@pytest.mark.parametrize("value", ['"much"', "NaN", "-1", "1e400", "[1]", "null", "1" + "0" * 400])
def test_a_value_of_no_use_is_off(value: str) -> None:
    world = demo()
    text = definition(paymentFailure="100%").replace('"100%": 1', f'"100%": {value}')
    act(world, "patch", "configmap/flags", {"patch": {"data": {"demo.flagd.json": text}}}, wait_s=5)
    assert users(world) == 1000


def test_a_definition_nested_without_end() -> None:
    assert read('{"flags": ' + "[" * 100_000) == {}


def test_a_flag_that_is_disabled_is_not_evaluated() -> None:
    assert read(definition("DISABLED", paymentFailure="100%")) == {}
    assert read(definition(paymentFailure="100%"))["paymentFailure"] == 1
