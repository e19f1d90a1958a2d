"""What `kubectl get` prints of claims, volumes, classes, quotas, policies and bindings."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.serve.kinds import find
from stratus_sim.serve.showing import View
from stratus_sim.serve.tables import table
from stratus_sim.telemetry.render import timestamp
from stratus_sim.world import World
from tests.cluster.test_admission_quota import quota
from tests.cluster.test_rbac import ANNS, binding
from tests.cluster.test_volumes_binder import CLAIM, claim, storage_class, user, volume
from tests.cluster.workloads import cluster, key

POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "default"},
    "spec": {"podSelector": {"matchLabels": {"b": "2", "a": "1"}}},
}  # fmt: skip


def printed(world: World, group: str, version: str, resource: str) -> list[dict[str, Any]]:
    """The rows of a table by the names of its columns, without ages."""
    kind = find(world, group, version, resource)
    found = table(kind.name, View(world).list(kind), timestamp(world.now_us), "1", "None")
    names = [column["name"] for column in found["columnDefinitions"]]
    rows = [dict(zip(names, row["cells"], strict=True)) for row in found["rows"]]
    return [{name: cell for name, cell in row.items() if name != "Age"} for row in rows]


@pytest.fixture
def world() -> World:
    there = [storage_class(), claim(), user(), volume("free", "2Gi", ["ReadWriteMany", "ReadOnlyMany"], "tape")]
    more = [quota(pods="5", limits_cpu="2"), POLICY, binding(ANNS)]
    return cluster(*there, *more, seconds=30)


def test_storage_says_who_is_bound_to_whom(world: World) -> None:
    (row,) = printed(world, "", "v1", "persistentvolumeclaims")
    made = row["Volume"]
    assert made.startswith("pvc-")
    bound = {"Volume": made, "Capacity": "1Gi", "Access Modes": "RWO", "StorageClass": "disk"}
    assert row == {"Name": "c", "Status": "Bound", **bound}
    free, held = printed(world, "", "v1", "persistentvolumes")
    assert held == {
        "Name": made, "Capacity": "1Gi", "Access Modes": "RWO", "Reclaim Policy": "Delete", "Status": "Bound",
        "Claim": "default/c", "StorageClass": "disk",
    }  # fmt: skip
    assert (free["Access Modes"], free["Status"], free["Claim"]) == ("ROX,RWX", "Available", "")
    (kind,) = printed(world, "storage.k8s.io", "v1", "storageclasses")
    assert (kind["Provisioner"], kind["ReclaimPolicy"], kind["VolumeBindingMode"], kind["AllowVolumeExpansion"]) == (
        "csi.example.org", "Delete", "Immediate", "false",
    )  # fmt: skip


def test_a_claim_that_is_held_up_shows_that_it_is_on_its_way_out() -> None:
    world = cluster(storage_class(), claim(), user(), seconds=30)
    api.delete(world, key(CLAIM, "c"), "user")
    assert [row["Status"] for row in printed(world, "", "v1", "persistentvolumeclaims")] == ["Terminating"]


def test_policies_and_bindings(world: World) -> None:
    (row,) = printed(world, "", "v1", "resourcequotas")
    assert (row["Request"], row["Limit"]) == ("pods: 0/5", "limits.cpu: 0/2")
    (policy,) = printed(world, "networking.k8s.io", "v1", "networkpolicies")
    assert policy["Pod-Selector"] == "a=1,b=2"
    (bound,) = printed(world, "rbac.authorization.k8s.io", "v1", "rolebindings")
    assert bound["Role"] == "Role/r"
