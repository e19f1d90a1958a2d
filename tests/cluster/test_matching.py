"""Tolerations, requirements of nodes and quantities, as the libraries of Kubernetes 1.33 read and print them."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import taints
from stratus_sim.cluster.admission.amounts import milli, shown
from stratus_sim.cluster.scheduling.node_affinity import holds
from stratus_sim.manifests.scheduling_shapes import NodeRequirement

Json = dict[str, Any]
PLAIN, VALUED = {"key": "k", "effect": "NoSchedule"}, {"key": "k", "value": "v", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("taint", "toleration", "tolerated"),
    [
        (PLAIN, {"key": "k", "operator": "Exists"}, True),
        (VALUED, {"operator": "Exists"}, True),
        (VALUED, {"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        (VALUED, {"key": "k", "operator": "Exists", "effect": ""}, True),
        (VALUED, {"key": "other", "operator": "Exists"}, False),
        (VALUED, {"key": "k"}, False),
        (VALUED, {"key": "k", "value": "v"}, True),
        (PLAIN, {"key": "k", "value": ""}, True),
        (PLAIN, {"key": "k", "operator": ""}, True),
        (PLAIN, {}, True),
        (VALUED, {"key": "", "value": "v"}, True),
        (VALUED, {"key": "other", "value": "v"}, False),
    ],
)
def test_a_toleration_covers_a_taint(taint: Json, toleration: Json, tolerated: bool) -> None:
    node = {"spec": {"taints": [taint]}}
    assert (taints.repelling(node, [toleration], "NoSchedule", "NoExecute") == "") is tolerated
    assert taints.repelling(node, [], "PreferNoSchedule") == ""


@pytest.mark.parametrize(
    ("value", "operator", "bound", "held"),
    [
        ("5", "Gt", "4", True),
        ("5", "Gt", "5", False),
        ("05", "Lt", "6", True),
        ("9223372036854775807", "Gt", "1", True),
        ("9223372036854775808", "Gt", "1", False),
        ("1", "Lt", "9223372036854775808", False),
        ("1.5", "Gt", "1", False),
        ("5", "Gt", "-1", False),
        (None, "Lt", "1", False),
    ],
)
def test_a_node_is_compared_by_a_number(value: str | None, operator: Any, bound: str, held: bool) -> None:
    labels = {} if value is None else {"size": value}
    assert holds(NodeRequirement("size", operator, [bound]), labels) is held


@pytest.mark.parametrize(
    ("name", "written", "printed"),
    [
        ("requests.cpu", "1000m", "1"),
        ("requests.cpu", "0.5", "500m"),
        ("count/pods", "2000", "2k"),
        ("count/pods", "1024", "1024"),
        ("limits.memory", "1024Mi", "1Gi"),
        ("limits.memory", "1.5Gi", "1536Mi"),
        ("limits.memory", "1000M", "1G"),
        ("limits.memory", "1000Ki", "1000Ki"),
        ("requests.storage", "0", "0"),
        ("hugepages-2Mi", "4Mi", "4Mi"),
    ],
)
def test_amounts_are_printed_in_their_canonical_form(name: str, written: str, printed: str) -> None:
    assert shown(name, milli(written)) == printed
