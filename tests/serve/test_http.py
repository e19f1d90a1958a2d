"""The protocol itself: what no client library would send, and what must never change anything."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.serve import RunningServer, serve
from stratus_sim.world import World
from tests.serve.conftest import Reply

Ask = Callable[..., Reply]
GEO = "/apis/apps/v1/namespaces/hotel/deployments/geo"
PODS = "/api/v1/namespaces/hotel/pods"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MERGE = "application/merge-patch+json"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 404),
        ("GET", "/nonsense", 404),
        ("POST", "/nonsense", 404),
        ("GET", "/api/v2/pods", 404),
        ("GET", "/apis/apps/v1/nonsense", 404),
        ("GET", "/apis/apps/v9", 404),
        ("GET", "/openapi/v2", 404),
        ("GET", "/openapi/v3/apis/nonsense/v1", 404),
        ("GET", f"{PODS}/nobody", 404),
        ("GET", f"{GEO}/nonsense", 404),
        ("GET", "/api/v1/namespaces/hotel/nodes", 404),
        ("GET", "/apis/apps/v1/deployments/geo", 404),
        ("GET", f"{GEO}/a/b/c", 404),
        ("PUT", PODS, 405),
        ("POST", GEO, 405),
        ("DELETE", "/api/v1/namespaces/hotel/events/x", 405),
        ("PUT", f"{GEO}/status", 405),
        ("DELETE", "/stratus/clock", 405),
        ("DELETE", "/api/v1/namespaces/default", 403),
        ("GET", "/%2e%2e/%00/etc", 404),
    ],
)
def test_every_refusal_is_a_status(ask: Ask, method: str, path: str, code: int) -> None:
    reply = ask(method, path)
    assert (reply.code, reply.body["kind"], reply.body["code"]) == (code, "Status", code)
    assert reply.body["status"] == "Failure" and reply.body["message"]


@pytest.mark.parametrize("path", ["/api/v1/namespaces/hotel/configmaps", GEO])
@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b"NaN", b'"text"', b"null", b'{"metadata": 3}', b"[" * 200_000, b"\xff"]
)
def test_a_body_that_is_no_object_is_refused(ask: Ask, server: RunningServer, path: str, body: bytes) -> None:
    before = server.world.store.state.objects
    reply = ask("PUT" if path == GEO else "POST", path, body, Content_Type="application/json")
    assert reply.code in (400, 422) and reply.body["kind"] == "Status"
    assert server.world.store.state.objects == before


@pytest.mark.parametrize(
    "patch", [[1], {"spec": None}, {"metadata": None}, {"metadata": []}, {"kind": "Pod"}, {"spec": 3}]
)
@pytest.mark.parametrize("kind", ["merge-patch", "strategic-merge-patch", "json-patch"])
def test_a_patch_to_something_else_is_refused_or_harmless(
    ask: Ask, server: RunningServer, patch: object, kind: str
) -> None:
    before = server.world.store.state.objects
    reply = ask("PATCH", GEO, patch, Content_Type=f"application/{kind}+json")
    assert reply.code in (200, 400, 422)
    assert server.world.store.state.objects == before


def test_what_cannot_be_read_in_full_changes_nothing(ask: Ask, server: RunningServer) -> None:
    """A dry run inside a protobuf body must not become a deletion."""
    before = server.world.store.state.objects
    assert ask("DELETE", GEO, b"k8s\0\n\x0f\n\x02v1", Content_Type=PROTOBUF).code == 415
    assert ask("POST", PODS, b"k8s\0", Content_Type=PROTOBUF).code == 415
    assert ask("PATCH", GEO, b"a: 1", Content_Type="application/apply-patch+yaml").code == 415
    assert ask("DELETE", GEO, b"dryRun=All", Content_Type="text/plain").code == 415
    assert ask("DELETE", GEO, {"dryRun": "All"}, Content_Type="application/json").code == 400
    assert ask("DELETE", GEO, {"dryRun": ["Al"]}, Content_Type="application/json").code == 400
    assert ask("DELETE", f"{GEO}?dryRun=all").code == 400
    assert ask("DELETE", f"{GEO}?dryRun=").code == 400
    assert ask("DELETE", GEO, {"kind": "Eviction", "deleteOptions": {"dryRun": ["All"]}}).code == 400
    assert ask("DELETE", GEO, {"propagationPolicy": "Sideways"}).code == 422
    assert server.world.store.state.objects == before


def test_a_pod_deleted_without_grace_is_gone_at_once(ask: Ask, server: RunningServer) -> None:
    found = server.world.store.list("Pod", "hotel")
    gently, at_once = (f"{PODS}/{pod.key.name}" for pod in found[:2])
    for wrong in (-1, "0", 1.5, True):
        assert ask("DELETE", gently, {"gracePeriodSeconds": wrong}).code == 422
    assert ask("DELETE", gently).code == 200
    assert ask("DELETE", at_once, {"gracePeriodSeconds": 0}).code == 200
    assert ask("GET", gently).body["metadata"]["deletionTimestamp"]
    assert ask("GET", at_once).code == 404


def test_strict_validation_refuses_a_field_said_twice(ask: Ask) -> None:
    body = b'{"metadata": {"name": "x"}, "data": {"a": "1", "a": "2"}}'
    path = "/api/v1/namespaces/hotel/configmaps?dryRun=All"
    assert ask("POST", f"{path}&fieldValidation=Strict", body).code == 400
    assert ask("POST", f"{path}&fieldValidation=Ignore", body).code == 201
    assert ask("POST", f"{path}&fieldValidation=Nonsense", body).code == 400


def test_wrong_types_are_refused_as_the_api_server_does(ask: Ask, server: RunningServer) -> None:
    before = server.world.store.state.objects
    reply = ask("PATCH", GEO, {"spec": {"replicas": "three"}}, Content_Type=MERGE)
    assert reply.code == 422 and "spec.replicas" in reply.body["message"]
    for surge in ("many", "-1%", -1):
        strategy = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": surge}}}}
        assert ask("PATCH", GEO, strategy, Content_Type=MERGE).code == 422
    body = {"metadata": {"name": "other", "namespace": "elsewhere"}}
    assert ask("POST", "/api/v1/namespaces/hotel/configmaps", body).code == 400
    assert ask("POST", "/api/v1/namespaces/hotel/configmaps", {"kind": "Secret", "metadata": {"name": "a"}}).code == 400
    assert server.world.store.state.objects == before


def test_pages_in_a_browser_are_refused(ask: Ask) -> None:
    assert ask("GET", "/version", Origin="http://example.org").code == 403
    assert ask("GET", "/version", Host="example.org").code == 403
    assert ask("GET", "/version").code == 200


def test_bodies_have_a_length_and_a_limit(ask: Ask, server: RunningServer) -> None:
    assert ask("POST", PODS, Content_Length=str(1 << 40)).code == 413
    assert ask("POST", PODS, Content_Length="many").code == 413
    assert ask("POST", PODS, Transfer_Encoding="chunked").code == 411
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        reply = raw.makefile("rb").read()
    assert b'"kind": "Status"' in reply


def test_replies_do_not_wait_for_an_acknowledgement(server: RunningServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.connect()
    for _ in range(3):
        connection.request("GET", "/version")
        assert json.loads(connection.getresponse().read())["major"] == "1"
    (accepted,) = server._server.open.values()
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()


@pytest.mark.parametrize("path", [PODS, "/nonsense", "/version", "/healthz"])
def test_no_header_names_the_program(ask: Ask, path: str) -> None:
    headers = {name.lower() for name in ask("GET", path).headers}
    assert headers == {"content-type", "content-length", "date"}


def test_the_clock_is_the_clusters(ask: Ask, server: RunningServer) -> None:
    began = ask("GET", "/stratus/clock").body["now_s"]
    reply = ask("POST", "/stratus/clock", {"advance_s": 30.5})
    assert reply.body["now_s"] == began + 30.5 == server.world.now_us / 1_000_000
    assert reply.headers["date"] == "Wed, 01 Jan 2025 00:03:30 GMT"
    for seconds in (-1, True, "30", None, 1e12):
        assert ask("POST", "/stratus/clock", {"advance_s": seconds}).code == 400
    assert ask("GET", "/stratus/clock").body["now_s"] == began + 30.5


def test_discovery_in_both_forms_names_the_same_resources(ask: Ask) -> None:
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    found = set()
    for root in ("/api", "/apis/"):
        for group in ask("GET", root, Accept=aggregated).body["items"]:
            for version in group["versions"]:
                found |= {(group["metadata"]["name"], version["version"], r["resource"]) for r in version["resources"]}
    legacy = {("", "v1", r["name"]) for r in ask("GET", "/api/v1").body["resources"]}
    for group in ask("GET", "/apis").body["groups"]:
        for version in group["versions"]:
            listed = ask("GET", f"/apis/{version['groupVersion']}").body["resources"]
            legacy |= {(group["name"], version["version"], r["name"]) for r in listed}
    assert found == {entry for entry in legacy if "/" not in entry[2]}
    assert ("apps", "v1", "deployments/scale") in legacy and ("", "v1", "pods/log") in legacy


def test_openapi_lets_kubectl_validate_on_the_server(ask: Ask) -> None:
    assert "apis/apps/v1" in ask("GET", "/openapi/v3").body["paths"]
    paths = ask("GET", "/openapi/v3/apis/apps/v1").body["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Deployment"
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}


def test_tables_carry_what_was_asked_for(ask: Ask) -> None:
    row = ask("GET", f"{PODS}?limit=500", Accept=TABLE).body["rows"][0]
    assert row["object"]["kind"] == "PartialObjectMetadata" and "namespace" in row["object"]["metadata"]
    assert ask("GET", f"{PODS}?includeObject=Object", Accept=TABLE).body["rows"][0]["object"]["spec"]
    assert ask("GET", f"{PODS}?includeObject=None", Accept=TABLE).body["rows"][0]["object"] is None


def test_a_generated_name_is_free_and_repeatable(ask: Ask, server: RunningServer) -> None:
    path, body = "/api/v1/namespaces/hotel/configmaps", {"metadata": {"generateName": "mine-"}}
    tried = ask("POST", f"{path}?dryRun=All", body).body["metadata"]["name"]
    made = [ask("POST", path, body).body["metadata"]["name"] for _ in range(2)]
    assert made[0] == tried != made[1]
    assert server.world.store.get(ObjectKey("ConfigMap", "hotel", made[1])) is not None


def test_finalizers_and_immutable_objects_are_respected(ask: Ask) -> None:
    path = "/api/v1/namespaces/hotel/configmaps"
    ask(
        "POST",
        path,
        {"metadata": {"name": "kept", "finalizers": ["example.org/x"]}, "immutable": True, "data": {"a": "1"}},
    )
    assert ask("PATCH", f"{path}/kept", {"data": {"a": "2"}}, Content_Type=MERGE).code == 422
    assert "deletionTimestamp" in ask("DELETE", f"{path}/kept").body["metadata"]
    assert ask("GET", f"{path}/kept").code == 200
    ask("PATCH", f"{path}/kept", {"metadata": {"finalizers": None}}, Content_Type=MERGE)
    assert ask("GET", f"{path}/kept").code == 404


def test_a_pod_changes_only_its_labels_and_images(ask: Ask, server: RunningServer) -> None:
    pod = ask("GET", f"{PODS}?labelSelector=app%3Dgeo").body["items"][0]["metadata"]["name"]
    assert ask("PATCH", f"{PODS}/{pod}", {"spec": {"nodeName": "node-9"}}, Content_Type=MERGE).code == 422
    assert ask("PATCH", f"{PODS}/{pod}", {"metadata": {"labels": {"x": "y"}}}, Content_Type=MERGE).code == 200


def test_an_error_of_ours_is_a_status_and_changes_nothing(
    ask: Ask, server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = server.world.store.state.objects

    def broken(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(server.world, "run_until", broken)
    reply = ask("PATCH", GEO, {"spec": {"replicas": 5}}, Content_Type=MERGE)
    assert reply.code == 500 and "out of luck" in reply.body["message"]
    assert "Traceback" not in json.dumps(reply.body) + capsys.readouterr().err
    assert server.world.store.state.objects == before


def test_watches_tell_of_too_old_and_of_future_versions(ask: Ask) -> None:
    assert ask("GET", f"{PODS}?watch=true&resourceVersion=1").code == 410
    assert ask("GET", f"{PODS}?watch=true&resourceVersion=99999999").code == 504
    assert ask("GET", f"{PODS}?watch=true&resourceVersion=x").code == 400


def test_a_watch_ends_with_a_bookmark_of_the_present_version(ask: Ask) -> None:
    version = ask("GET", PODS).body["metadata"]["resourceVersion"]
    path = f"{PODS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=0&resourceVersion={version}"
    assert ask("GET", path).body == {
        "type": "BOOKMARK",
        "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": version}},
    }


def test_initial_events_end_with_a_marked_bookmark(server: RunningServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(
        "GET", f"{PODS}?watch=true&sendInitialEvents=true&labelSelector=app%3Dgeo", headers={"Accept": TABLE}
    )
    reply = connection.getresponse()
    first, second = (json.loads(reply.readline()) for _ in range(2))
    assert (first["type"], first["object"]["kind"], len(first["object"]["rows"])) == ("ADDED", "Table", 1)
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    connection.close()


def test_closing_ends_watches_threads_and_sockets(hotel: World) -> None:
    before = threading.active_count()
    with serve(hotel, speed=100) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        connection.request("GET", f"{PODS}?watch=true")
        reply = connection.getresponse()
        assert json.loads(reply.readline())["type"] == "ADDED"
        idle = socket.create_connection(("127.0.0.1", running.port))
    assert threading.active_count() == before
    assert hung_up(idle)
    idle.close()
    connection.close()
    running.close()  # twice is no error
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_its_own_kubeconfig_is_replaced_and_nobody_elses(server: RunningServer, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path / "config")
    assert server.kubeconfig(path) == path
    theirs = path.read_text().replace("# written by", "# copied from")
    path.write_text(theirs)
    with pytest.raises(UserError, match="config: is there already, and `stratus serve` did not write it"):
        server.kubeconfig(path)
    assert path.read_text() == theirs


def test_a_port_that_is_taken_is_the_users_error(server: RunningServer, hotel: World) -> None:
    with pytest.raises(UserError, match="--port"):
        serve(hotel, server.port)
