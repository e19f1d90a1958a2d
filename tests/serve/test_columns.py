"""What `kubectl get` prints of claims, volumes, classes, quotas, policies and bindings."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stratus_sim.cluster import api
from stratus_sim.serve.kinds import find
from stratus_sim.serve.showing import View
from stratus_sim.serve.tables import table
from stratus_sim.telemetry.render import timestamp
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, service
from tests.cluster.test_admission_quota import quota
from tests.cluster.test_kubelet import put
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


def test_selectors_are_shown_wide(world: World) -> None:
    put(world, service("s"))
    (shown,) = [row for row in printed(world, "", "v1", "services") if row["Name"] == "s"]
    assert shown["Selector"] == "app=s"


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


def test_every_namespace_lists_its_account_and_pods_say_which_they_run_under() -> None:
    world = cluster(user(), claim(), seconds=5)
    assert printed(world, "", "v1", "serviceaccounts") == [{"Name": "default", "Secrets": 0}]
    found = View(world).list(find(world, "", "v1", "pods"))
    assert {pod["spec"]["serviceAccountName"] for pod in found} == {"default"}


def test_endpoints_are_derived_from_slices() -> None:
    world = mesh("a>b", entrypoints=["a", "b"])
    put(world, deployment("b", 5), seconds=60)
    ready, lost, own = (service(name) for name in ("ready", "lost", "own"))
    ready["spec"]["selector"] = {"app": "b"}
    mine = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "own", "namespace": "default"}}
    put(world, ready, lost, {**own, "spec": {"ports": [{"port": 1}]}}, {**mine, "subsets": []}, seconds=1)
    rows = {row["Name"]: row["Endpoints"] for row in printed(world, "", "v1", "endpoints")}
    assert sorted(rows) == [row["Name"] for row in printed(world, "", "v1", "endpoints")]
    ips = [pod.status.ip for pod in world.store.selected("default", {"app": "b"})]
    assert rows["b"] == rows["ready"] == f"{ips[0]}:80,{ips[1]}:80,{ips[2]}:80 + 2 more..."
    assert (rows["a"].count(":80"), rows["lost"], rows["own"]) == (1, "<none>", "<none>")
    first, second, *_ = world.store.selected("default", {"app": "b"})
    world.store.report(first.key, msgspec.structs.replace(first.status, ready=False))
    api.delete(world, second.key, "test")
    world.run_for(0)
    found = View(world).get(find(world, "", "v1", "endpoints"), "default", "b")
    assert found is not None
    (subset,) = found["subsets"]
    assert [address["targetRef"]["name"] for address in subset["notReadyAddresses"]] == [first.key.name]
    assert {*ips[2:]} < {address["ip"] for address in (*subset["addresses"], *subset["notReadyAddresses"])}
    assert second.status.ip not in str(subset)
    assert subset["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_every_namespace_has_its_name_as_a_label() -> None:
    labelled = {"name": "shop", "labels": {"team": "x"}}
    world = cluster({"apiVersion": "v1", "kind": "Namespace", "metadata": labelled})
    found = View(world).list(find(world, "", "v1", "namespaces"))
    labels = {space["metadata"]["name"]: space["metadata"]["labels"] for space in found}
    name = "kubernetes.io/metadata.name"
    assert labels == {"default": {name: "default"}, "shop": {name: "shop", "team": "x"}}


def test_a_nodes_age_stands_before_its_version(world: World) -> None:
    kind = find(world, "", "v1", "nodes")
    found = table(kind.name, View(world).list(kind), timestamp(world.now_us), "1", "None")
    names = [column["name"] for column in found["columnDefinitions"] if not column["priority"]]
    assert names == ["Name", "Status", "Roles", "Age", "Version"]
