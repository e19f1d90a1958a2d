"""`kubectl apply`: what k8s.io/apimachinery 1.33 makes of what was given last, what is given now, and what there is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus_sim.cluster.applying import applied
from stratus_sim.cluster.patch_errors import Unmergeable

Json = dict[str, Any]
A, B, C = {"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}
DNS, TCP = {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}


def spec(**fields: Any) -> Json:
    return {"spec": fields}


def env(*items: Json, **more: Any) -> Json:
    """Of the container c of a pod."""
    return spec(containers=[{"name": "c", "env": [*items], **more}])


def volume(**kind: Any) -> Json:
    return spec(volumes=[{"name": "v", **kind}])


APPLIED: list[tuple[str, Json, Json, Json, Json]] = [
    # What was given last and is not now goes; what others have added stays.
    ("Pod", env(A, B), env(B), env(A, B, C), env(B, C)),
    ("Pod", env(A), env(C, A), env(A, B), env(C, A, B)),
    ("Pod", env(A), env({"name": "A", "value": "9"}), env(B, A), env(B, {"name": "A", "value": "9"})),
    ("Pod", env(A, image="w:1"), env(A), env(A, image="w:2", tty=True), env(A, tty=True)),
    ("Pod", {}, env(A), env(B), env(A, B)),
    ("ConfigMap", {"data": {"a": "1", "b": "2"}}, {"data": {"b": "3"}}, {"data": {"a": "1", "b": "2", "c": "4"}},
     {"data": {"b": "3", "c": "4"}}),
    ("ConfigMap", {"data": {"a": "1"}}, {}, {"data": {"a": "1", "c": "4"}}, {}),
    # Other lists are the ones given.
    ("Pod", spec(tolerations=[{"key": "a"}]), spec(tolerations=[{"key": "b"}]),
     spec(tolerations=[{"key": "a"}, {"key": "c"}]), spec(tolerations=[{"key": "b"}])),
    # Two items with one key are two.
    ("Service", spec(ports=[DNS, TCP]), spec(ports=[DNS, TCP]), spec(ports=[DNS, TCP]), spec(ports=[DNS, TCP])),
    # Where fields exclude each other, only those given are left.
    ("Deployment", spec(strategy=ROLLING), spec(strategy={"type": "Recreate"}), spec(strategy=ROLLING),
     spec(strategy={"type": "Recreate"})),
    ("Deployment", {}, spec(strategy={"type": "Recreate"}), spec(strategy=ROLLING),
     spec(strategy={"type": "Recreate"})),
    ("Deployment", {}, spec(strategy={"type": "RollingUpdate"}), spec(strategy=ROLLING),
     spec(strategy={"type": "RollingUpdate"})),
    ("Pod", {}, volume(configMap={"name": "x"}), volume(emptyDir={}), volume(configMap={"name": "x"})),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "last", "wanted", "live", "merged"), APPLIED)
def test_a_merge_of_three(kind: str, last: Json, wanted: Json, live: Json, merged: Json) -> None:
    given = copy.deepcopy((last, wanted, live))
    assert applied(last, wanted, live, keyed=True) == merged
    assert (last, wanted, live) == given


def test_lists_of_other_kinds_are_those_given() -> None:
    assert applied({}, spec(ports=[DNS]), spec(ports=[TCP, {"port": 1}]), keyed=False) == spec(ports=[DNS])


def test_an_item_without_a_name_is_no_item() -> None:
    with pytest.raises(Unmergeable, match="does not contain declared merge key: name"):
        applied({}, spec(containers=[{"image": "w:1"}]), env(A), keyed=True)
