"""Webhooks: whom they are asked about, and what a dead one does to the API."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, scale, service

Json = dict[str, Any]
PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


def configuration(kind: str = "ValidatingWebhookConfiguration", rule: Json = PODS, **fields: Any) -> Json:
    client = {"service": {"name": "a", "namespace": "default", "path": "/check", "port": 80}}
    webhook = {"name": "check.example.org", "clientConfig": client, "rules": [rule], **fields}
    version = "admissionregistration.k8s.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "check"}, "webhooks": [webhook]}


def broken(*objects: Json, **fields: Any) -> World:
    """A world in which the webhook's Service has no endpoints."""
    world = mesh("b>a", entrypoints=("b",))
    for manifest in objects or (configuration(**fields),):
        api.put(world, manifest, "user")
    scale(world, "a", 0)
    world.run_for(30 * SECOND_US)
    return world


def pod(name: str = "p", **labels: str) -> Json:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}]}}


def refused(world: World, manifest: Json) -> bool:
    try:
        api.put(world.fork(), manifest, "user")
    except Denied:
        return True
    return False


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
def test_a_webhook_without_endpoints_fails_the_writes_it_is_asked_about(kind: str) -> None:
    world = broken(kind=kind)
    with pytest.raises(Denied) as denied:
        api.put(world, pod(), "user")
    assert str(denied.value) == (
        'Internal error occurred: failed calling webhook "check.example.org": failed to call webhook: '
        'Post "https://a.default.svc:80/check?timeout=10s": dial tcp: connect: connection refused'
    )
    assert denied.value.code == 500
    assert not refused(world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})


def test_a_deployment_cannot_replace_its_pods_until_the_webhook_is_gone() -> None:
    world = broken()
    scale(world, "b", 3)
    world.run_for(30 * SECOND_US)
    alive = [p for p in world.store.list("Pod") if p.labels["app"] == "b"]
    assert len(alive) == 1
    said = {e.message for e in world.cluster.events.values() if e.reason == "FailedCreate"}
    assert said and all(m.startswith("Error creating: Internal error occurred: failed calling webhook") for m in said)
    api.delete(world, ObjectKey("ValidatingWebhookConfiguration", "", "check"), "user")
    world.run_for(120 * SECOND_US)
    assert sum(p.status.ready for p in world.store.list("Pod") if p.labels["app"] == "b") == 3


def test_a_webhook_that_answers_lets_the_write_through() -> None:
    world = mesh("b>a", entrypoints=("b",))
    api.put(world, configuration(), "user")
    assert not refused(world, pod())


def test_a_service_that_is_not_there_is_named() -> None:
    world = broken()
    api.delete(world, key("a", "Service"), "user")
    with pytest.raises(Denied, match='service "a" not found'):
        api.put(world, pod(), "user")


def test_ignore_means_ignore() -> None:
    assert not refused(broken(failurePolicy="Ignore"), pod())


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"objectSelector": {"matchLabels": {"x": "1"}}}, True),
        ({"objectSelector": {"matchLabels": {"x": "2"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True),
        ({"namespaceSelector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["default"]}]}}, False),
        ({"rule": {**PODS, "operations": ["UPDATE"]}}, False),
        ({"rule": {**PODS, "apiGroups": ["apps"]}}, False),
        ({"rule": {**PODS, "resources": ["*"], "operations": ["*"]}}, True),
        ({"rule": {**PODS, "scope": "Cluster"}}, False),
    ],
)  # fmt: skip
def test_matching(fields: Json, asked: bool) -> None:
    assert refused(broken(**fields), pod(x="1")) is asked


def test_deletions_are_asked_about_where_a_rule_says_so() -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["*"], "operations": ["DELETE"], "resources": ["deployments"]}
    world = broken(rule=rule)
    with pytest.raises(Denied):
        api.delete(world, key("b"), "user")
    assert world.store.get(key("b")) is not None
    assert not refused(world, deployment("c"))


def test_a_configuration_cannot_lock_itself_in() -> None:
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    world = broken(rule=every)
    assert refused(world, service("z"))
    api.delete(world, ObjectKey("ValidatingWebhookConfiguration", "", "check"), "user")
    assert not refused(world, service("z"))
