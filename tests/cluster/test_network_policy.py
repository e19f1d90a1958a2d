"""Network policies: the pure rule, and that traffic obeys it."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.application.epochs import current
from stratus_sim.cluster import api
from stratus_sim.cluster.network_policy import OUTSIDE, Peer, Policy, Port, allowed, read
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.world import World
from tests.application.mesh import mesh

Json = dict[str, Any]
A = Peer("shop", {"app": "a"}, {"team": "x"}, "10.0.0.1")
B = Peer("shop", {"app": "b"}, {"team": "x"}, "10.0.0.2")
FAR = Peer("far", {"app": "a"}, {"team": "y"}, "10.0.1.1")
HTTP = Port(80, ("http",))
TO_B: Json = {"podSelector": {"matchLabels": {"app": "b"}}}


def policy(**spec: Any) -> Policy:
    return read("shop", spec)


def test_without_a_policy_everything_is_allowed() -> None:
    assert allowed([], FAR, B, HTTP)
    assert allowed([policy(podSelector={"matchLabels": {"app": "z"}})], FAR, B, HTTP)


def test_a_policy_without_rules_isolates_what_it_selects() -> None:
    deny = [policy(**TO_B)]
    assert not allowed(deny, A, B, HTTP)
    assert allowed(deny, B, A, HTTP)  # ingress only


@pytest.mark.parametrize(
    ("peer", "source", "passes"),
    [
        ({"podSelector": {}}, A, True),
        ({"podSelector": {}}, FAR, False),
        ({"namespaceSelector": {}}, FAR, True),
        (
            {"namespaceSelector": {"matchLabels": {"team": "y"}}, "podSelector": {"matchLabels": {"app": "a"}}},
            FAR,
            True,
        ),
        (
            {"namespaceSelector": {"matchLabels": {"team": "y"}}, "podSelector": {"matchLabels": {"app": "b"}}},
            FAR,
            False,
        ),
        ({"namespaceSelector": {}}, OUTSIDE, False),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, OUTSIDE, True),
        ({"ipBlock": {"cidr": "::/0"}}, OUTSIDE, False),
        ({"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.1/32"]}}, A, False),
        ({"ipBlock": {"cidr": "10.0.0.0/24", "except": ["10.0.0.2/32"]}}, A, True),
    ],
)
def test_peers(peer: Json, source: Peer, passes: bool) -> None:
    assert allowed([policy(**TO_B, ingress=[{"from": [peer]}])], source, B, HTTP) is passes


@pytest.mark.parametrize(
    ("port", "passes"),
    [
        ({"port": 80}, True), ({"port": 81}, False), ({"port": "http"}, True), ({"port": 1, "endPort": 80}, True),
        ({"port": 80, "protocol": "UDP"}, False), ({}, True),
    ],
)  # fmt: skip
def test_ports(port: Json, passes: bool) -> None:
    assert allowed([policy(**TO_B, ingress=[{"ports": [port]}])], A, B, HTTP) is passes


def test_rules_of_several_policies_add_up() -> None:
    open_ = policy(**TO_B, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])
    assert allowed([policy(**TO_B), open_], A, B, HTTP)


def test_a_flow_needs_both_ends() -> None:
    shut = policy(podSelector={"matchLabels": {"app": "a"}}, policyTypes=["Egress"])
    assert not allowed([shut], A, B, HTTP)
    assert allowed([shut], B, A, HTTP)
    open_ = policy(podSelector={}, policyTypes=["Egress"], egress=[{"to": [{"podSelector": {}}]}])
    assert allowed([shut, open_], A, B, HTTP)


def error(world: World, target: str) -> str:
    return next(flow.error for flow in current(world).calls if flow.call.target == target)


def put(world: World, name: str, **spec: Any) -> None:
    metadata = {"name": name, "namespace": "default"}
    manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    api.put(world, manifest, "user")


def test_traffic_obeys_and_flows_again_when_the_policy_goes() -> None:
    world = mesh("a>b", "a>c")
    assert [error(world, t) for t in "bc"] == ["", ""]
    put(world, "shut", **TO_B)
    assert [error(world, t) for t in "bc"] == ["deadline exceeded", ""]
    put(world, "open", **TO_B, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])
    assert error(world, "b") == ""
    api.delete(world, ObjectKey("NetworkPolicy", "default", "open"), "user")
    assert error(world, "b") == "deadline exceeded"
    api.delete(world, ObjectKey("NetworkPolicy", "default", "shut"), "user")
    assert error(world, "b") == ""


def test_users_are_shut_out_too() -> None:
    world = mesh("a>b")
    put(world, "shut", podSelector={"matchLabels": {"app": "a"}}, ingress=[{"from": [{"podSelector": {}}]}])
    assert [entry.error for entry in current(world).entries] == ["deadline exceeded"]


DNS_ONLY = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
KUBE_SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}


@pytest.mark.parametrize(
    ("egress", "error_"),
    [
        ([], "i/o timeout: b"),
        ([{"to": [{"podSelector": {}}]}], "i/o timeout: b"),
        ([{"to": [{"podSelector": {}}]}, {"ports": [{"port": 53}]}], "i/o timeout: b"),
        ([DNS_ONLY], "deadline exceeded"),
        ([{"to": [{"podSelector": {}}]}, DNS_ONLY], ""),
        ([{"to": [{"podSelector": {}}]}, {"to": [KUBE_SYSTEM]}], ""),
        ([{"to": [{"podSelector": {}}]}, {**DNS_ONLY, "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}], ""),
        ([{}], ""),
    ],
)
def test_who_may_not_ask_for_names_reaches_nobody(egress: list[Json], error_: str) -> None:
    world = mesh("a>b")
    put(world, "out", podSelector={"matchLabels": {"app": "a"}}, policyTypes=["Egress"], egress=egress)
    assert error(world, "b") == error_
