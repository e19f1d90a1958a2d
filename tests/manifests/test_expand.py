"""The kubelet's rules for a container's environment."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.manifests.expand import Missing, expand, missing_mounts, resolve_env

CLUSTER: dict[tuple[str, str, str], Mapping[str, Any]] = {
    ("ConfigMap", "shop", "c"): {"data": {"HOST": "cart", "1 name": "x", "bad=name": "x", "port": "80"}},
    ("ConfigMap", "shop", "d"): {"data": {"HOST": "later"}},
    ("Secret", "shop", "s"): {
        "data": {"user": base64.b64encode(b"ann").decode(), "broken": "%%%"},
        "stringData": {"password": "p"},
    },
}


def lookup(kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
    return CLUSTER.get((kind, namespace, name))


def env_of(*env: dict[str, Any], **rest: Any) -> tuple[dict[str, str], tuple[Missing, ...]]:
    meta = {"name": "web-0", "namespace": "shop", "labels": {"app": "web"}}
    return resolve_env({"env": list(env), **rest}, meta, lookup)


def key_ref(field: str, name: str, key: str, optional: bool = False) -> dict[str, Any]:
    return {"name": "V", "valueFrom": {field: {"name": name, "key": key, "optional": optional}}}


def test_references_see_only_what_is_defined_before() -> None:
    env, problems = env_of(
        {"name": "EARLY", "value": "$(HOST):1"},
        {"name": "HOST", "value": "cart"},
        {"name": "LATE", "value": "$(HOST):1"},
        {"name": "HOST", "value": "$(HOST)2"},
    )
    assert env == {"EARLY": "$(HOST):1", "HOST": "cart2", "LATE": "cart:1"}
    assert problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)$(A)", "11"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$", "$$"),
        ("$(NONE)", "$(NONE)"),
        ("$(A", "$(A"),
        ("$A ${A}", "$A ${A}"),
        ("$()", "$()"),
        ("cost: 5$", "cost: 5$"),
    ],
)
def test_expansion_syntax(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text(alphabet="ab()", max_size=20))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert expand(text, {"a": "1", "b": "2", "": "3"}) == text


@given(st.text(alphabet="$(A)", max_size=12))
def test_escaping_every_dollar_yields_the_text(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "1"}) == text


def test_whole_config_maps_and_secrets() -> None:
    env, problems = env_of(
        {"name": "URL", "value": "http://$(HOST):$(P_port)"},
        envFrom=[
            {"configMapRef": {"name": "c"}},
            {"prefix": "P_", "configMapRef": {"name": "c"}},
            {"configMapRef": {"name": "d"}},
            {"secretRef": {"name": "s"}},
        ],
    )
    assert problems == ()
    assert env["URL"] == "http://later:80" and env["P_HOST"] == "cart"
    assert (env["user"], env["password"], env["broken"]) == ("ann", "p", "%%%")
    assert (env["1 name"], env["P_1 name"]) == ("x", "x") and not any("=" in name for name in env)


def test_env_overrides_env_from() -> None:
    assert env_of({"name": "HOST", "value": "mine"}, envFrom=[{"configMapRef": {"name": "c"}}])[0]["HOST"] == "mine"


def test_values_from_objects_are_not_expanded() -> None:
    CLUSTER["ConfigMap", "shop", "raw"] = {"data": {"k": "$(A)"}}
    env, _ = env_of({"name": "A", "value": "1"}, key_ref("configMapKeyRef", "raw", "k"))
    assert env["V"] == "$(A)"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (key_ref("configMapKeyRef", "x", "k"), 'configmap "x" not found'),
        (key_ref("configMapKeyRef", "c", "k"), "couldn't find key k in ConfigMap shop/c"),
        (key_ref("secretKeyRef", "x", "k"), 'secret "x" not found'),
        (key_ref("secretKeyRef", "s", "k"), "couldn't find key k in Secret shop/s"),
    ],
)
def test_missing_references_read_as_the_kubelet_says(variable: dict[str, Any], message: str) -> None:
    env, problems = env_of(variable)
    assert "V" not in env and [problem.message for problem in problems] == [message]


def test_optional_references_are_no_problem() -> None:
    optional = {"name": "x", "optional": True}
    env, problems = env_of(
        key_ref("configMapKeyRef", "x", "k", optional=True),
        key_ref("secretKeyRef", "s", "k", optional=True),
        envFrom=[{"configMapRef": optional}, {"secretRef": optional}],
    )
    assert (env, problems) == ({}, ())


def test_missing_env_from() -> None:
    _, problems = env_of(envFrom=[{"secretRef": {"name": "x"}}, {"secretRef": {"name": "x"}}])
    assert problems == (Missing("Secret", "shop", "x"),)


def test_fields_and_resources() -> None:
    def field(path: str) -> dict[str, Any]:
        return {"name": path, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    def resource(name: str, **more: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": name, **more}}}

    env, _ = env_of(
        field("metadata.name"),
        field("metadata.labels['app']"),
        field("metadata.annotations['none']"),
        field("status.podIP"),
        resource("limits.memory", divisor="1Mi"),
        resource("limits.cpu"),
        resource("requests.cpu"),
        resources={"limits": {"memory": "128Mi", "cpu": "1500m"}},
    )
    assert env["metadata.name"] == "web-0" and env["metadata.labels['app']"] == "web"
    assert env["metadata.annotations['none']"] == "" and env["status.podIP"] == "<status.podIP>"
    assert (env["limits.memory"], env["limits.cpu"], env["requests.cpu"]) == ("128", "2", "2")


def test_without_a_limit_a_container_has_what_its_node_has_and_without_a_request_nothing() -> None:
    asked = ("limits.memory", "limits.cpu", "requests.memory")
    env = [{"name": name, "valueFrom": {"resourceFieldRef": {"resource": name}}} for name in asked]
    room = {"cpu": "3800m", "memory": "2Mi"}
    assert resolve_env({"env": env}, {"allocatable": room}, lookup)[0] == dict(
        zip(asked, ("2097152", "4", "0"), strict=True)
    )
    assert resolve_env({"env": env}, {}, lookup)[0]["limits.cpu"] == "<limits.cpu>"


def test_mounts_that_cannot_be_made() -> None:
    pod = {
        "volumes": [
            {"name": "a", "configMap": {"name": "c", "items": [{"key": "HOST", "path": "h"}]}},
            {"name": "b", "configMap": {"name": "c", "items": [{"key": "none", "path": "h"}]}},
            {"name": "c", "configMap": {"name": "gone"}},
            {"name": "d", "configMap": {"name": "gone2", "optional": True}},
            {"name": "e", "projected": {"sources": [{"secret": {"name": "gone3"}}]}},
            {"name": "f", "secret": {"secretName": "s"}},
            {"name": "g", "emptyDir": {}},
        ]
    }
    assert missing_mounts(pod, "shop", lookup) == (
        Missing("ConfigMap", "shop", "c", "none"),
        Missing("ConfigMap", "shop", "gone"),
        Missing("Secret", "shop", "gone3"),
    )
