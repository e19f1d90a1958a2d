"""Resource quota: what it counts, what it refuses, and that controllers come back once there is room."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.admission.registry import Denied
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.render import render
from stratus_sim.world import World
from tests.cluster.workloads import change, cluster, get, job, key, members, node, ready, template, workload

Json = dict[str, Any]


def quota(name: str = "q", **hard: str) -> Json:
    limits = {field.replace("_", "."): value for field, value in hard.items()}
    return {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name, "namespace": "default"},
        "spec": {"hard": limits},
    }  # fmt: skip


def pod(name: str, **resources: Json) -> Json:
    spec = {"containers": [{"name": "c", "image": "w:1", "resources": resources}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def used(world: World) -> dict[str, int]:
    return dict(get(world, "ResourceQuota", "q").status.used)


def messages(world: World, kind: str, reason: str) -> list[str]:
    found = world.cluster.events.values()
    return [e.message for e in found if e.involved == key(kind) and e.reason == reason]


def test_a_write_beyond_the_quota_is_refused_in_the_words_of_the_api_server() -> None:
    world = cluster(quota(requests_cpu="1500m", pods="5"), pod("a", requests={"cpu": "1"}))
    with pytest.raises(Denied) as refused:
        api.put(world, pod("b", requests={"cpu": "600m"}), "user")
    assert str(refused.value) == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, '
        "used: requests.cpu=1, limited: requests.cpu=1500m"
    )
    assert refused.value.code == 403
    assert world.store.get(key("Pod", "b")) is None
    assert used(world) == {"requests.cpu": 1000, "pods": 1000}


def test_containers_must_state_what_is_limited() -> None:
    world = cluster(quota(limits_memory="1Gi", requests_cpu="1"))
    with pytest.raises(Denied, match=r"failed quota: q: must specify limits\.memory for: c; requests\.cpu for: c"):
        api.put(world, pod("a"), "user")


def test_init_containers_must_state_it_too_and_sidecars_add_up() -> None:
    world = cluster(quota(requests_cpu="3"))
    first = {"name": "i", "image": "w:1", "resources": {"requests": {"cpu": "1"}}}
    stated = pod("a", requests={"cpu": "1"})
    with pytest.raises(Denied, match=r"must specify requests\.cpu for: i"):
        api.put(world, {**stated, "spec": {**stated["spec"], "initContainers": [{**first, "resources": {}}]}}, "user")
    sidecar = {**first, "name": "s", "restartPolicy": "Always"}
    api.put(world, {**stated, "spec": {**stated["spec"], "initContainers": [sidecar, first]}}, "user")
    assert used(world) == {"requests.cpu": 2000}


def test_a_replica_set_says_why_it_lacks_pods_and_gets_them_once_there_is_room() -> None:
    world = cluster(quota(pods="2"), workload("ReplicaSet", replicas=4), seconds=30)
    assert len(members(world, "ReplicaSet")) == 2
    said = messages(world, "ReplicaSet", "FailedCreate")
    assert said and all("is forbidden: exceeded quota: q, requested: pods=1, used: pods=2" in one for one in said)
    change(world, "ResourceQuota", "q", hard={"pods": "9"})
    world.run_for(60 * SECOND_US)
    assert len(members(world, "ReplicaSet")) == 4


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_a_workload_says_that_its_replicas_fail_until_they_do_not(kind: str) -> None:
    world = cluster(quota(pods="2"), workload(kind, replicas=4), seconds=400)
    (failure,) = [c for c in conditions(world, kind) if c["type"] == "ReplicaFailure"]
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert re.match(r'pods "w-.*" is forbidden: exceeded quota: q, requested: pods=1', failure["message"])
    assert failure["lastTransitionTime"] == "2025-01-01T00:00:00Z"
    fork = world.fork()
    change(fork, kind, replicas=2)
    fork.run_for(SECOND_US)
    change(world, "ResourceQuota", "q", hard={"pods": "9"})
    world.run_for(1000 * SECOND_US)
    for now in (fork, world):
        assert "ReplicaFailure" not in {c["type"] for c in conditions(now, kind)}


def conditions(world: World, kind: str) -> list[Json]:
    return list(render(world, get(world, kind))["status"].get("conditions", []))


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Deployment"])
def test_every_controller_waits_for_room(kind: str) -> None:
    size = {} if kind == "DaemonSet" else {"replicas": 3}
    world = cluster(quota(pods="1"), workload(kind, **size), seconds=40)
    assert ready(world, kind) == 1
    change(world, "ResourceQuota", "q", hard={"pods": "3"})
    world.run_for(120 * SECOND_US)
    assert ready(world, kind) == 3


def test_the_stateful_set_names_the_pod_it_could_not_create() -> None:
    world = cluster(quota(pods="0"), workload("StatefulSet", replicas=1), seconds=5)
    assert messages(world, "StatefulSet", "FailedCreate") == [
        'create Pod w-0 in StatefulSet w failed error: pods "w-0" is forbidden: exceeded quota: q, '
        "requested: pods=1, used: pods=0, limited: pods=0"
    ]


def test_the_wait_between_tries_doubles() -> None:
    world = cluster(quota(pods="0"), workload("ReplicaSet", replicas=1), seconds=5)
    # 5 ms, 10 ms, ... 2.56 s: ten tries within 5 s
    assert 8 <= len(messages(world, "ReplicaSet", "FailedCreate")) <= 12


def test_a_pod_that_has_ended_makes_room() -> None:
    world = cluster(quota(pods="1", requests_cpu="1"), job(completions=3), seconds=60)
    assert get(world, "Job").status.succeeded == 3
    assert used(world)["requests.cpu"] == 0


def test_objects_and_storage_count() -> None:
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "d", "namespace": "default"},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "2Gi"}}},
    }  # fmt: skip
    names = ("requests.storage", "persistentvolumeclaims", "count/persistentvolumeclaims",
             "fast.storageclass.storage.k8s.io/requests.storage", "count/deployments.apps")  # fmt: skip
    found = quota()
    world = cluster({**found, "spec": {"hard": dict.fromkeys(names, "3Gi")}}, claim, workload("Deployment"))
    assert list(used(world).values()) == [2 * 1024**3 * 1000, 1000, 1000, 2 * 1024**3 * 1000, 1000]
    api.delete(world, key("PersistentVolumeClaim", "d"), "user")
    assert used(world)["requests.storage"] == 0


def test_scopes_choose_pods() -> None:
    scoped = quota(pods="0")
    scoped["spec"]["scopes"] = ["BestEffort"]
    world = cluster(scoped, pod("a", requests={"cpu": "1"}))
    with pytest.raises(Denied):
        api.put(world, pod("b"), "user")


@pytest.mark.parametrize("side", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize(("reach", "counts"), [({}, 0), ({"namespaces": ["x"]}, 1), ({"namespaceSelector": {}}, 1)])
def test_a_scope_chooses_pods_that_look_into_other_namespaces(side: str, reach: Json, counts: int) -> None:
    limit = quota(pods="5")
    limit["spec"]["scopes"] = ["CrossNamespacePodAffinity"]
    term = {"labelSelector": {}, "topologyKey": "zone", **reach}
    required = {side: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    wish = {"weight": 1, "podAffinityTerm": term}
    preferred = {side: {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
    objects = [pod("a"), pod("b"), pod("c")]
    for one, affinity in zip(objects, (required, preferred, {}), strict=True):
        one["spec"]["affinity"] = affinity
    assert used(cluster(limit, *objects)) == {"pods": 2000 * counts}


def test_counting_by_difference_is_counting() -> None:
    world = cluster(quota(pods="20", requests_memory="4Gi"), workload("Deployment", replicas=5), seconds=20)
    change(world, "Deployment", replicas=2, template=template("w", "serve", terminationGracePeriodSeconds=1))
    world.run_for(60 * SECOND_US)
    kept = used(world)
    api.put(world, {**quota(pods="21", requests_memory="4Gi")}, "user")
    assert used(world) == kept == {"pods": 2000, "requests.memory": 2 * 64 * 1024**2 * 1000}


def test_other_namespaces_are_free() -> None:
    world = cluster(quota(pods="0"), node("n9"))
    elsewhere = pod("a")
    elsewhere["metadata"]["namespace"] = "other"
    api.put(world, elsewhere, "user")
    assert len(world.store.list("Pod", "other")) == 1


def test_the_status_is_shown_as_quantities() -> None:
    world = cluster(quota(requests_cpu="1500m", pods="5"), pod("a", requests={"cpu": "250m"}))
    shown = render(world, get(world, "ResourceQuota", "q"))["status"]
    assert shown == {"hard": {"requests.cpu": "1500m", "pods": "5"}, "used": {"requests.cpu": "250m", "pods": "1"}}


def test_a_fork_waits_and_tries_as_the_world_does() -> None:
    world = cluster(quota(pods="2"), workload("ReplicaSet", replicas=4), seconds=3)
    other = World(pickle.loads(pickle.dumps(world.snapshot())))
    for one in (world, other):
        change(one, "ResourceQuota", "q", hard={"pods": "3"})
        one.run_for(60 * SECOND_US)
    found, expected = other.snapshot(), world.snapshot()
    assert (found.store, found.cluster, found.kernel) == (expected.store, expected.cluster, expected.kernel)
    assert len(members(world, "ReplicaSet")) == 3


def test_a_quota_that_cannot_be_read_is_not_stored() -> None:
    world = cluster()
    with pytest.raises(UserError, match="a resource quantity, as 100m or 128Mi"):
        api.put(world, quota(pods="many"), "user")
    assert world.store.list("ResourceQuota") == []


def test_the_certificate_every_namespace_has_takes_one_of_the_config_maps_there_may_be() -> None:
    world = cluster(quota(configmaps="2"))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
    api.put(world, body, "user")
    with pytest.raises(Denied, match="requested: configmaps=1, used: configmaps=2, limited: configmaps=2"):
        api.put(world, {**body, "metadata": {**body["metadata"], "name": "b"}}, "user")
