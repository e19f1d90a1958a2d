"""The official Python client against a served world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve import RunningServer, serve, watching
from stratus_sim.world import World

kubernetes = pytest.importorskip("kubernetes", reason="the official client is not installed")
from kubernetes import client, config, watch  # noqa: E402
from kubernetes.client.exceptions import ApiException  # noqa: E402

HOTEL = "hotel"


@pytest.fixture
def connection(server: RunningServer, tmp_path: Path) -> Iterator[client.ApiClient]:
    path = server.kubeconfig(tmp_path / "config")
    with config.new_client_from_config(str(path)) as found:
        yield found


@pytest.fixture
def apps(connection: client.ApiClient) -> client.AppsV1Api:
    return client.AppsV1Api(connection)


@pytest.fixture
def core(connection: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(connection)


def refused(call, *arguments, **named) -> ApiException:
    with pytest.raises(ApiException) as found:
        call(*arguments, **named)
    return found.value


def config_map(name: str, data: dict[str, str]) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_every_kind_is_read_by_a_strict_client(apps, core, connection) -> None:
    assert len(core.list_node().items) == 3
    assert {"hotel", "default"} <= {n.metadata.name for n in core.list_namespace().items}
    lists = [
        core.list_namespaced_pod, core.list_namespaced_service, core.list_namespaced_config_map,
        core.list_namespaced_secret, core.list_namespaced_event, apps.list_namespaced_replica_set,
        apps.list_namespaced_deployment, client.DiscoveryV1Api(connection).list_namespaced_endpoint_slice,
    ]  # fmt: skip
    assert all(call(HOTEL).items for call in lists)


def test_selectors(core) -> None:
    def names(**selectors: str) -> set[str]:
        return {pod.metadata.labels["app"] for pod in core.list_namespaced_pod(HOTEL, **selectors).items}

    assert names(label_selector="app in (geo,rate)") == {"geo", "rate"}
    assert names(label_selector="tier=service,app notin (geo)") == names(label_selector="tier=service") - {"geo"}
    assert names(label_selector="!tier") == names() - names(label_selector="tier")
    node = core.list_namespaced_pod(HOTEL, label_selector="app=geo").items[0].spec.node_name
    assert "geo" in names(field_selector=f"spec.nodeName={node}")
    assert "geo" not in names(field_selector=f"spec.nodeName!={node}")
    assert refused(core.list_namespaced_pod, HOTEL, label_selector="a in (").status == 400


def test_create_and_delete(core, server: RunningServer) -> None:
    made = core.create_namespaced_config_map(HOTEL, config_map("mine", {"a": "1"}), field_manager="somebody")
    assert made.metadata.uid and made.data == {"a": "1"}
    assert server.world.cluster.audit.writer == "somebody"
    assert refused(core.create_namespaced_config_map, HOTEL, config_map("mine", {})).status == 409
    assert refused(core.create_namespaced_config_map, "nowhere", config_map("mine", {})).status == 404
    assert refused(core.create_namespaced_config_map, HOTEL, config_map("Not_A_Name", {})).status == 422
    core.delete_namespaced_config_map("mine", HOTEL)
    assert refused(core.read_namespaced_config_map, "mine", HOTEL).status == 404


def test_a_stale_write_is_a_conflict(core) -> None:
    first = core.create_namespaced_config_map(HOTEL, config_map("mine", {"a": "1"}))
    core.patch_namespaced_config_map("mine", HOTEL, {"data": {"b": "2"}})
    first.data = {"a": "9"}
    assert refused(core.replace_namespaced_config_map, "mine", HOTEL, first).status == 409
    stale = {"metadata": {"resourceVersion": first.metadata.resource_version}, "data": {"b": "3"}}
    assert refused(core.patch_namespaced_config_map, "mine", HOTEL, stale).status == 409
    condition = client.V1DeleteOptions(
        preconditions=client.V1Preconditions(resource_version=first.metadata.resource_version)
    )
    assert refused(core.delete_namespaced_config_map, "mine", HOTEL, body=condition).status == 409
    other = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    assert refused(core.delete_namespaced_config_map, "mine", HOTEL, body=other).status == 409
    now = core.read_namespaced_config_map("mine", HOTEL)
    assert now.data == {"a": "1", "b": "2"}
    now.data = {"a": "9"}
    assert core.replace_namespaced_config_map("mine", HOTEL, now).data == {"a": "9"}


def test_what_was_read_can_be_written_back_without_a_trace(apps, core, server: RunningServer) -> None:
    before = server.world.store.state.objects
    apps.replace_namespaced_deployment("geo", HOTEL, apps.read_namespaced_deployment("geo", HOTEL))
    core.replace_namespaced_service("geo", HOTEL, core.read_namespaced_service("geo", HOTEL))
    core.replace_node("node-1", core.read_node("node-1"))
    pod = core.list_namespaced_pod(HOTEL, label_selector="app=geo").items[0]
    core.replace_namespaced_pod(pod.metadata.name, HOTEL, pod)
    assert server.world.store.state.objects == before


def test_patches(apps, server: RunningServer) -> None:
    container = {"name": "geo", "image": "other:1"}
    shown = apps.patch_namespaced_deployment(
        "geo", HOTEL, {"spec": {"template": {"spec": {"containers": [container]}}}}
    )
    assert shown.spec.template.spec.containers[0].image == "other:1"
    assert shown.spec.template.spec.containers[0].env
    shown = apps.patch_namespaced_deployment("geo", HOTEL, [{"op": "replace", "path": "/spec/replicas", "value": 2}])
    assert shown.spec.replicas == 2
    assert refused(apps.patch_namespaced_deployment, "geo", HOTEL, [{"op": "remove", "path": "/spec/no"}]).status == 422
    selector = {"spec": {"selector": {"matchLabels": {"tier": "service"}}}}
    assert "immutable" in refused(apps.patch_namespaced_deployment, "geo", HOTEL, selector).body
    scaled = apps.patch_namespaced_deployment_scale("geo", HOTEL, {"spec": {"replicas": 4}})
    assert (scaled.spec.replicas, apps.read_namespaced_deployment_scale("geo", HOTEL).spec.replicas) == (4, 4)


def test_status_belongs_to_the_controllers(apps, server: RunningServer) -> None:
    shown = apps.patch_namespaced_deployment("geo", HOTEL, {"status": {"readyReplicas": 9}, "spec": {"paused": True}})
    assert (shown.status.ready_replicas, shown.spec.paused) == (1, True)
    assert "status" not in server.world.store.get(ObjectKey("Deployment", HOTEL, "geo")).manifest


def test_dry_runs_change_nothing(apps, core, server: RunningServer) -> None:
    before = server.world.store.state.objects
    made = core.create_namespaced_config_map(HOTEL, config_map("mine", {"a": "1"}), dry_run="All")
    assert made.metadata.name == "mine"
    shown = apps.patch_namespaced_deployment("geo", HOTEL, {"spec": {"replicas": 7}}, dry_run="All")
    assert shown.spec.replicas == 7
    apps.patch_namespaced_deployment_scale("geo", HOTEL, {"spec": {"replicas": 7}}, dry_run="All")
    apps.delete_namespaced_deployment("geo", HOTEL, dry_run="All")
    apps.delete_namespaced_deployment("geo", HOTEL, body=client.V1DeleteOptions(dry_run=["All"]))
    apps.delete_collection_namespaced_deployment(HOTEL, body=client.V1DeleteOptions(dry_run=["All"]))
    assert refused(apps.delete_namespaced_deployment, "geo", HOTEL, dry_run="true").status == 400
    assert server.world.store.state.objects == before


def test_a_dry_run_is_refused_where_the_write_would_be(apps) -> None:
    assert (
        refused(apps.patch_namespaced_deployment, "geo", HOTEL, {"spec": {"replicas": -1}}, dry_run="All").status == 422
    )


def test_delete_collection_deletes_what_is_selected(core) -> None:
    for name in ("one", "two"):
        body = config_map(name, {}) | {"metadata": {"name": name, "labels": {"mark": name}}}
        core.create_namespaced_config_map(HOTEL, body)
    core.delete_collection_namespaced_config_map(HOTEL, label_selector="mark=one")
    assert {c.metadata.name for c in core.list_namespaced_config_map(HOTEL).items} & {"one", "two"} == {"two"}


def test_the_write_lock_as_a_lease(connection, server: RunningServer) -> None:
    leases = client.CoordinationV1Api(connection)
    spec = {"holderIdentity": "me", "leaseDurationSeconds": 30, "leaseTransitions": 1}
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}, "spec": spec}
    mine = leases.create_namespaced_lease(HOTEL, body)
    assert refused(leases.create_namespaced_lease, HOTEL, body).status == 409
    taken = leases.read_namespaced_lease("lock", HOTEL)
    taken.spec.holder_identity, taken.spec.lease_transitions = "you", 2
    leases.replace_namespaced_lease("lock", HOTEL, taken)
    assert refused(leases.replace_namespaced_lease, "lock", HOTEL, mine).status == 409
    mine.metadata.resource_version = None
    assert refused(leases.replace_namespaced_lease, "lock", HOTEL, mine).status == 422
    assert leases.read_namespaced_lease("lock", HOTEL).spec.holder_identity == "you"


def test_watch_tells_what_happened_since_and_what_happens_now(
    apps, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "IDLE_S", 60.0)  # nobody looks by himself: a change has to wake the watcher
    version = apps.list_namespaced_deployment(HOTEL).metadata.resource_version
    apps.patch_namespaced_deployment("geo", HOTEL, {"spec": {"replicas": 2}})
    seen = []
    stream = watch.Watch()
    for event in stream.stream(
        apps.list_namespaced_deployment,
        HOTEL,
        field_selector="metadata.name=geo",
        resource_version=version,
        timeout_seconds=60,
        _request_timeout=5,
    ):
        seen.append((event["type"], event["object"].spec.replicas, event["object"].status.ready_replicas))
        if len(seen) == 1:
            server.advance(60)
        if event["object"].status.ready_replicas == 2 and event["type"] == "MODIFIED":
            apps.delete_namespaced_deployment("geo", HOTEL)
        if event["type"] == "DELETED":
            stream.stop()
    assert seen[0] == ("MODIFIED", 2, 1)
    assert seen[-1][0] == "DELETED"
    assert ("MODIFIED", 2, 2) in seen


def test_a_watch_without_a_version_begins_with_what_is_there(core) -> None:
    stream = watch.Watch()
    kinds = [
        event["type"]
        for event in stream.stream(core.list_namespaced_pod, HOTEL, label_selector="app=frontend", timeout_seconds=0)
    ]
    assert kinds == ["ADDED", "ADDED"]


def test_secrets_are_redacted_unless_asked_for(hotel: World, core, tmp_path: Path) -> None:
    hidden = core.read_namespaced_secret("mongodb-user", HOTEL).data
    core.patch_namespaced_secret("mongodb-user", HOTEL, {"stringData": {"new": "value"}})
    with serve(hotel, show_secrets=True) as open_server:
        path = open_server.kubeconfig(tmp_path / "open")
        with config.new_client_from_config(str(path)) as connection:
            shown = client.CoreV1Api(connection).read_namespaced_secret("mongodb-user", HOTEL).data
    assert set(hidden.values()) == {"PHJlZGFjdGVkPg=="}
    assert shown["new"] == "dmFsdWU="
    assert hidden.keys() == shown.keys() - {"new"}
    assert "PHJlZGFjdGVkPg==" not in shown.values()


def test_writes_by_others_are_seen(core, server: RunningServer) -> None:
    with server.touching() as world:
        api.put(world, config_map("theirs", {"x": "y"}) | {"metadata": {"name": "theirs", "namespace": HOTEL}}, "fault")
    assert core.read_namespaced_config_map("theirs", HOTEL).data == {"x": "y"}
    with server.lock:
        api.delete(server.world, ObjectKey("ConfigMap", HOTEL, "theirs"), "fault")
    listed = core.list_namespaced_config_map(HOTEL).metadata.resource_version
    assert listed == str(server.world.store.state.version)
