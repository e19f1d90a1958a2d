"""Names, labels and selectors: what the API server 1.33 refuses, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stratus_sim.errors import UserError
from stratus_sim.manifests import names
from stratus_sim.manifests.shapes import read_shape

Json = dict[str, Any]
DOTS = "must not contain dots"
LONG = "must be no more than 63 characters"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.qualified, ["a", "A.b_c-1", "x.io/A", "a" * 63], ["", "-a", "a-", "a/b/c", "/a", "a/", "X.io/a", "é"]),
        (names.label_value, ["", "a", "1.2_3-A", "a" * 63], ["-", "a b", "a\n", "a" * 64, "a/b"]),
        (names.subdomain, ["a", "0.a-b", "a" * 253], ["", "A", "a_b", "a.", ".a", "a..b", "a.-b", "a" * 254]),
        (names.label, ["a", "0-a"], ["a.b", "a" * 64, "A"]),
        (names.label_1035, ["a", "a-0"], ["0a", "a.b", "a" * 64]),
        (names.path_segment, ["system:Node", "a b"], [".", "..", "a/b", "a%b"]),
        (names.cron_job, ["a" * 52], ["a" * 53, "A"]),
    ],
)
def test_what_is_well_formed(check: Callable[[str], tuple[str, ...]], good: list[str], bad: list[str]) -> None:
    assert [text for text in good if check(text)] == []
    assert [text for text in bad if not check(text)] == []


def test_a_cron_job_leaves_room_for_the_names_of_its_jobs() -> None:
    names.expect_name("CronJob", "a" * 52)
    with pytest.raises(ValueError, match="must be no more than 52 characters"):
        names.expect_name("CronJob", "a" * 53)


def test_problems_are_told_in_the_words_of_the_api_server() -> None:
    assert names.label("a.b") == (DOTS,)
    assert names.label_value("-" * 64) == (
        LONG,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
        "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    )
    prefix, name, looks = names.qualified("A/")
    assert prefix.startswith("prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric")
    assert name == "name part must be non-empty"
    assert looks.startswith("name part must consist of alphanumeric characters")


def obj(kind: str = "ConfigMap", name: str = "x", spec: Json | None = None, **metadata: Json) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec or {}}


def pod(**spec: Any) -> Json:
    return obj("Pod", spec={"containers": [{"name": "c", "image": "w:1"}], **spec})


def budget(**requirement: Any) -> Json:
    return obj("PodDisruptionBudget", spec={"selector": {"matchExpressions": [{"key": "a", **requirement}]}})


def wants(where: str = "matchExpressions", **requirement: Any) -> Json:
    term = {"nodeSelectorTerms": [{where: [{"key": "a", **requirement}]}]}
    return pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}})


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (obj(labels={"a": "b c"}), 'field metadata: labels: Invalid value: "b c": a valid label must be'),
        (obj(labels={"a b": "c"}), 'field metadata: labels: Invalid value: "a b": name part must consist'),
        (obj(annotations={"a b": "c"}), 'field metadata: annotations: Invalid value: "a b": name part must consist'),
        (obj(name="A"), 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist'),
        (obj("Service", "1a"), 'metadata.name: Invalid value: "1a": a DNS-1035 label must consist'),
        (obj("Namespace", "a.b"), f'metadata.name: Invalid value: "a.b": {DOTS}'),
        (budget(operator="In"), "values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
        (
            budget(operator="Exists", values=["x"]),
            "values: Forbidden: may not be specified when `operator` is 'Exists'",
        ),
        (budget(operator="In", values=["x y"]), 'values: Invalid value: "x y": a valid label must be'),
        (budget(key="", operator="Exists"), 'key: Invalid value: "": name part must be non-empty'),
        (obj("PodDisruptionBudget", spec={"selector": {"matchLabels": {"a": "-"}}}), 'matchLabels: Invalid value: "-"'),
        (wants(operator="NotIn"), "values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
        (wants(operator="Gt", values=["1", "2"]), "must be specified single value when `operator` is 'Lt' or 'Gt'"),
        (
            wants("matchFields", operator="In", values=["x"]),
            'matchFields[0].key: Invalid value: "a": not a valid field',
        ),
        (wants("matchFields", key="metadata.name", operator="In", values=["x", "y"]), "must be only one value when"),
        (wants("matchFields", key="metadata.name", operator="Exists"), "not a valid selector operator"),
        (pod(nodeSelector={"a": "b c"}), 'nodeSelector: Invalid value: "b c": a valid label must be'),
        (
            pod(tolerations=[{"effect": "NoSchedule"}]),
            'operator: Invalid value: "": operator must be Exists when `key`',
        ),
        (pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]), "value must be empty when `operator` is"),
        (pod(tolerations=[{"key": "a", "value": "b", "tolerationSeconds": 5}]), "effect must be 'NoExecute' when"),
    ],
)
def test_what_nobody_may_write_is_refused(manifest: Json, told: str) -> None:
    with pytest.raises(UserError) as caught:
        read_shape(manifest, "here")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "manifest",
    [
        obj("ClusterRole", "system:Node"), obj(annotations={"X.io/A": "b c"}), obj("CronTab", "a.b"),
        budget(operator="In", values=[""]), wants(operator="Gt", values=["5"]),
        pod(tolerations=[{"operator": "Exists"}]),
        wants("matchFields", key="metadata.name", operator="NotIn", values=["x"]),
        pod(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]),
    ],
)  # fmt: skip
def test_what_may_be_written_is_read(manifest: Json) -> None:
    assert read_shape(manifest, "here").metadata.name == manifest["metadata"]["name"]
