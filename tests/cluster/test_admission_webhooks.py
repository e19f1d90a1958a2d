"""Webhooks: whom they are asked about, and what a dead one does to the API."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission import replies
from stratus_sim.cluster.admission.registry import Denied, Write
from stratus_sim.cluster.calendar import EPOCH
from stratus_sim.cluster.cluster_ip import cluster_ip
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World
from tests.application.mesh import deployment, key, mesh, scale, service
from tests.cluster.certificates import AUTHORITY, CA, NAMED, OTHER, SERVER, issued

Json = dict[str, Any]
PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


def configuration(kind: str = "ValidatingWebhookConfiguration", rule: Json = PODS, **fields: Any) -> Json:
    metadata = {"name": "check", "annotations": fields.pop("annotations", {})}
    service = {"name": "a", "namespace": "default", "path": "/check", "port": 80}
    client = fields.pop("clientConfig", {"service": service, "caBundle": bundle(CA)})
    webhook = {
        "name": "check.example.org", "clientConfig": client, "rules": [rule], "sideEffects": "None",
        "admissionReviewVersions": ["v1"], **fields,
    }  # fmt: skip
    version = "admissionregistration.k8s.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "webhooks": [webhook]}


def bundle(pem: str) -> str:
    return b64encode(pem.encode()).decode()


def broken(*objects: Json, **fields: Any) -> World:
    """A world in which the webhook's Service has no endpoints."""
    world = mesh("b>a", entrypoints=("b",))
    for manifest in objects or (configuration(**fields),):
        api.put(world, manifest, "user")
    scale(world, "a", 0)
    world.run_for(30 * SECOND_US)
    return world


def address(world: World) -> str:
    found = world.store.get(key("a", "Service"))
    assert found is not None
    return cluster_ip(found)


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
        f'Post "https://a.default.svc:80/check?timeout=10s": dial tcp {address(world)}:80: connect: connection refused'
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


def served(pem: str | None = SERVER) -> World:
    """A world in which the webhook's pods mount a TLS Secret with this certificate; None for one without."""
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": "default"},
        "type": "kubernetes.io/tls", "data": {"tls.crt": bundle(pem or ""), "tls.key": bundle("key")},
    }  # fmt: skip
    mounts = {"volumes": [{"name": "certs", "secret": {"secretName": "tls"}}]} if pem else {}
    world = mesh("b>a", entrypoints=("b",), extra=[secret])
    api.put(world, deployment("a", **mounts), "user")
    world.run_for(60 * SECOND_US)
    return world


def client(pem: str | None, port: int = 80) -> Json:
    found: Json = {"service": {"name": "a", "namespace": "default", "port": port}}
    return {"clientConfig": found if pem is None else {**found, "caBundle": bundle(pem)}}


STALE = issued("a.default.svc", "a.default.svc", by=AUTHORITY, until=EPOCH - timedelta(hours=1)).pem
UNTRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


@pytest.mark.parametrize(
    ("pem", "given", "problem"),
    [
        (SERVER, CA, ""),
        (SERVER, OTHER, UNTRUSTED),
        (SERVER, None, UNTRUSTED),
        (SERVER, "", UNTRUSTED),
        (None, CA, ""),
        (None, None, UNTRUSTED),
        (NAMED, CA, "x509: certificate is valid for b.default.svc, not a.default.svc"),
        (STALE, CA, "x509: certificate has expired or is not yet valid: current time 2025-01-01T00:04:00Z is"),
        (SERVER, "nonsense", "could not get REST client: unable to load root certificates: unable to parse bytes as"),
    ],
)
def test_the_bundle_has_to_vouch_for_the_server(pem: str | None, given: str | None, problem: str) -> None:
    world = served(pem)
    api.put(world, configuration(**client(given)), "user")
    if not problem:
        api.put(world, pod(), "user")
        return
    with pytest.raises(Denied) as denied:
        api.put(world, pod(), "user")
    assert problem in str(denied.value)


def test_a_server_gets_another_certificate_and_the_bundle_stays() -> None:
    world = served()
    api.put(world, configuration(**client(CA)), "user")
    secret = world.store.get(ObjectKey("Secret", "default", "tls"))
    assert secret is not None and not refused(world, pod())
    api.put(world, {**secret.manifest, "data": {"tls.crt": bundle(OTHER)}}, "user")
    assert refused(world, pod())


def test_who_injects_the_bundle_is_trusted_to_do_so() -> None:
    world, injected = served(), {"cert-manager.io/inject-ca-from": "default/a"}
    api.put(world, configuration(annotations=injected, **client(None)), "user")
    assert not refused(world, pod())
    api.put(world, configuration(annotations={"other": "x"}, **client(None)), "user")
    assert refused(world, pod())


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, 'no service port 444 found for service "a"'),
        ({"clusterIP": "None"}, 'cannot route to service with ClusterIP "None"'),
    ],
)
def test_a_service_that_cannot_be_dialled(spec: Json, problem: str) -> None:
    world, found = served(), service("a")
    api.put(world, {**found, "spec": {**found["spec"], **spec}}, "user")
    api.put(world, configuration(**client(CA, port=444)), "user")
    with pytest.raises(Denied, match=problem):
        api.put(world, pod(), "user")


def test_a_node_that_is_silent_lets_the_call_run_out_of_time() -> None:
    world = served()
    api.put(world, configuration(timeoutSeconds=7, **client(CA)), "user")
    (behind,) = [p for p in world.store.list("Pod") if p.labels["app"] == "a" and not p.deleting]
    world.schedule(0, "node.crash", behind.status.node)
    world.run_for(SECOND_US)
    with pytest.raises(Denied, match=r"timeout=7s\": context deadline exceeded"):
        api.put(world, pod(), "user")


def test_a_server_outside_the_cluster_is_taken_to_answer() -> None:
    world = broken(clientConfig={"url": "https://example.org/check"})
    assert not refused(world, pod())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"sideEffects": "Some"}, "sideEffects"),
        ({"admissionReviewVersions": []}, "admissionReviewVersions"),
        ({"timeoutSeconds": 31}, "timeoutSeconds"),
        ({"clientConfig": {}}, "exactly one of url or service is required"),
        ({"clientConfig": {"url": "https://x", "caBundle": "%%%"}}, "illegal base64 data"),
        ({"matchConditions": [{"name": "x", "expression": "true"}]}, "matchConditions"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(fields: Json, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        api.put(served(None), configuration(**fields), "user")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose webhook marks what it is asked about, and refuses pods that are called so."""
    monkeypatch.setattr(replies, "_REPLIES", {})
    replies.answers("a")(_marked)
    return served()


def _marked(_world: World, write: Write) -> Manifest | None:
    assert write.manifest is not None
    metadata = write.manifest["metadata"]
    if metadata["name"] == "bad":
        raise replies.Rejected("no pod is called so")
    if metadata["name"] == "mute":
        raise replies.Rejected("", 418)
    labels = metadata["labels"]
    asked = str(int(labels.get("asked", "0")) + 1)
    return {**write.manifest, "metadata": {**metadata, "labels": {**labels, "asked": asked}}}


@pytest.mark.parametrize(
    ("policies", "asked"),
    [
        (("Never", "Never"), "2"),
        (("IfNeeded", "Never"), "3"),
        (("Never", "IfNeeded"), "2"),
        (("IfNeeded", "IfNeeded"), "3"),
    ],
)
def test_a_webhook_may_ask_to_see_what_later_ones_have_changed(
    answering: World, policies: tuple[str, str], asked: str
) -> None:
    for name, policy in zip(("first", "second"), policies, strict=True):
        found = configuration("MutatingWebhookConfiguration", reinvocationPolicy=policy, **client(CA))
        api.put(answering, {**found, "metadata": {"name": name}}, "user")
    api.put(answering, pod(), "user")
    stored = answering.store.get(ObjectKey("Pod", "default", "p"))
    assert stored is not None and stored.labels["asked"] == asked


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [("bad", 403, ": no pod is called so"), ("mute", 418, " without explanation")],
)
def test_a_webhook_may_refuse(answering: World, name: str, code: int, told: str) -> None:
    for policy in ("Fail", "Ignore"):
        api.put(answering, configuration(failurePolicy=policy, **client(CA)), "user")
        with pytest.raises(Denied) as denied:
            api.put(answering, pod(name), "user")
        assert str(denied.value) == f'admission webhook "check.example.org" denied the request{told}'
        assert denied.value.code == code


def test_a_validating_webhook_changes_nothing(answering: World) -> None:
    api.put(answering, configuration(**client(CA)), "user")
    api.put(answering, pod(), "user")
    stored = answering.store.get(ObjectKey("Pod", "default", "p"))
    assert stored is not None and "asked" not in stored.labels


@pytest.mark.parametrize(
    ("image", "known"),
    [("example.org:5000/a", True), ("example.org:5000/a:1", True), ("example.org:5000/a@sha256:00", True),
     ("example.org:5000/ab:1", False)],
)  # fmt: skip
def test_a_reply_belongs_to_an_image_whatever_its_tag(monkeypatch: pytest.MonkeyPatch, image: str, known: bool) -> None:
    monkeypatch.setattr(replies, "_REPLIES", {})
    replies.answers("example.org:5000/a")(_marked)
    write = Write(ObjectKey("Pod", "default", "p"), pod(), None)
    assert (replies.reply(served(), "w", [image], write) is not None) is known
