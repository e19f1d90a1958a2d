"""What every namespace and every pod of a cluster has without anybody's writing it: the way to the API server."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.cluster import api, root_ca
from stratus_sim.cluster.admission import certificates
from stratus_sim.cluster.calendar import EPOCH
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve import kinds
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.showing import View
from stratus_sim.serve.writing import delete
from stratus_sim.telemetry.metrics import exposition
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.test_service_accounts import SHOP, account, config
from tests.cluster.workloads import Spec, cluster, members, template, workload

PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
CONFIG_MAPS = next(kind for kind in kinds.built_in() if kind.name == "ConfigMap")


def names(world: World, namespace: str | None = None) -> list[tuple[str, str]]:
    found = observe(world).list("ConfigMap", namespace)
    assert found == [render(world, one) for one in root_ca.listed(world, "ConfigMap", namespace)]
    served = [shown["metadata"] for shown in View(world).list(CONFIG_MAPS, namespace)]
    assert [one["metadata"]["name"] for one in found] == [one["name"] for one in served]
    return [(one["namespace"], one["name"]) for one in served]


def test_every_namespace_has_the_certificate_of_the_api_server_and_nothing_is_stored_for_it() -> None:
    world = cluster(SHOP, config("other"), account("robot"), seconds=1)
    assert names(world) == [
        ("default", root_ca.NAME), ("other", "c"), ("other", root_ca.NAME), ("shop", root_ca.NAME),
    ]  # fmt: skip
    assert names(world, "other") == [("other", "c"), ("other", root_ca.NAME)]
    assert [found.key.name for found in world.store.list("ConfigMap")] == ["c"]
    shown = observe(world).get("ConfigMap", root_ca.NAME, "shop")
    assert shown is not None
    (authority,) = certificates.read(shown["data"]["ca.crt"].encode())
    assert authority.not_valid_before_utc < EPOCH < authority.not_valid_after_utc
    authority.verify_directly_issued_by(authority)
    assert observe(world).get("ConfigMap", root_ca.NAME, "nowhere") is None


def test_monitoring_sees_it_like_any_other() -> None:
    found = exposition(cluster(SHOP), ["kube_configmap_info"])
    assert 'kube_configmap_info{namespace="shop",configmap="kube-root-ca.crt"} 1' in found


def test_the_server_keeps_it_and_it_goes_with_its_namespace() -> None:
    world = cluster(SHOP, seconds=1)
    with pytest.raises(Refusal, match="kept by the server"):
        delete(View(world), CONFIG_MAPS, "shop", root_ca.NAME, {}, "user")
    api.delete(world, ObjectKey("Namespace", "", "shop"), "user")
    world.run_for(SECOND_US)
    assert names(world) == [("default", root_ca.NAME)]


def test_one_that_a_captured_cluster_brought_along_is_shown_as_it_is() -> None:
    brought = {**config("shop"), "metadata": {"name": root_ca.NAME, "namespace": "shop"}, "data": {"ca.crt": "x"}}
    world = cluster(SHOP, brought, seconds=1)
    assert names(world, "shop") == [("shop", root_ca.NAME)]
    shown = observe(world).get("ConfigMap", root_ca.NAME, "shop")
    assert shown is not None
    assert shown["data"] == {"ca.crt": "x"}


def test_a_pod_can_mount_it_like_any_other() -> None:
    volume = {"name": "ca", "configMap": {"name": root_ca.NAME, "items": [{"key": "ca.crt", "path": "ca"}]}}
    world = cluster(workload("ReplicaSet", replicas=1, template=template(volumes=[volume])), seconds=60)
    assert all(pod.status.ready for pod in members(world, "ReplicaSet"))


def pod_shown(world: World) -> Spec:
    (pod,) = members(world, "ReplicaSet")
    return dict(render(world, pod)["spec"])


def mounts(spec: Spec) -> list[list[str]]:
    each = [*spec.get("initContainers", ()), *spec["containers"]]
    return [[mount["mountPath"] for mount in one.get("volumeMounts", ())] for one in each]


def test_a_pod_is_shown_with_token_certificate_and_namespace_in_each_container() -> None:
    own = {"name": "c", "image": "a", "volumeMounts": [{"name": "mine", "mountPath": PATH}]}
    fields: dict[str, Any] = {
        "initContainers": [{"name": "first", "image": "i"}],
        "volumes": [{"name": "mine", "emptyDir": {}}],
    }
    pod = template(containers=[own, {"name": "d", "image": "b"}], **fields)
    world = cluster(workload("ReplicaSet", replicas=1, template=pod), seconds=1)
    spec = pod_shown(world)
    assert mounts(spec) == [[PATH], [PATH], [PATH]]
    mine, volume = spec["volumes"]
    assert [*volume["projected"]["sources"]] == [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]  # fmt: skip
    (mount,) = spec["containers"][1]["volumeMounts"]
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": PATH}
    assert volume["name"].startswith("kube-api-access-")
    (stored,) = members(world, "ReplicaSet")
    assert stored.manifest["spec"]["volumes"] == [mine], "the volume is shown, not stored"
    assert pod_shown(world) == spec


def stated(said: bool | None) -> dict[str, Any]:
    return {} if said is None else {"automountServiceAccountToken": said}


@pytest.mark.parametrize(
    ("of_account", "of_pod", "mounted"),
    [(None, None, True), (False, None, False), (False, True, True), (True, False, False), (None, False, False)],
)
def test_pod_and_account_may_do_without(of_account: bool | None, of_pod: bool | None, mounted: bool) -> None:
    pod, own = map(stated, (of_pod, of_account))
    world = cluster(account(**own), workload("ReplicaSet", replicas=1, template=template(**pod)), seconds=1)
    assert mounts(pod_shown(world)) == [[PATH] if mounted else []]
