"""What is asked but not stored: what somebody may, what pods and nodes use, and what a container goes on to write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from stratus_sim.cluster import api
from stratus_sim.cluster.nodes import crash
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve.answers import Answer, Request, Stream
from stratus_sim.serve.service import Service
from stratus_sim.telemetry.metrics.query import matchers, query
from stratus_sim.world import World

ANN = {"impersonate-user": "ann"}
REVIEWS = ("apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews")
PODS = ("api", "v1", "namespaces", "hotel", "pods")
TOP = ("apis", "metrics.k8s.io", "v1beta1")
PLACE = {"name": "r", "namespace": "hotel"}
RULES = [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}]
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": PLACE, "rules": RULES}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": PLACE,
    "subjects": [{"kind": "User", "name": "ann"}], "roleRef": {"kind": "Role", "name": "r"},
}  # fmt: skip


@pytest.fixture
def service(hotel: World) -> Service:
    for manifest in (ROLE, BINDING):
        api.put(hotel, manifest, "test")
    return Service(hotel)


def ask(
    service: Service,
    path: tuple[str, ...],
    headers: dict[str, str] | None = None,
    method: str = "GET",
    body: Any = None,
    **query: str,
) -> Any:
    """What is answered, with its code; a stream has none."""
    data = b"" if body is None else json.dumps(body).encode()
    return service.handle(Request(method, path, query, headers or {}, data))


def may(service: Service, headers: dict[str, str] | None = None, **attributes: str) -> bool:
    answer = ask(service, REVIEWS, headers, "POST", {"spec": {"resourceAttributes": attributes}})
    assert answer.code == 201
    return bool(answer.body["status"]["allowed"])


def test_reviews_say_what_roles_allow(service: Service) -> None:
    asked = {"verb": "list", "resource": "pods", "namespace": "hotel"}
    assert may(service, **asked) and may(service, ANN, **asked)
    assert may(service, ANN, **asked, subresource="log")
    for other in ({"verb": "delete"}, {"namespace": "default"}, {"resource": "nodes"}, {"group": "apps"}):
        assert may(service, **{**asked, **other}) and not may(service, ANN, **{**asked, **other})


ROLES = ("apis", "rbac.authorization.k8s.io", "v1", "namespaces", "hotel", "roles")
WRITES = {"verbs": ["create", "update"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]}


def test_who_may_write_roles_gives_no_more_than_he_has(service: Service) -> None:
    api.put(service.world, {**ROLE, "rules": [*RULES, WRITES]}, "test")
    other = {**ROLE, "metadata": {**PLACE, "name": "other"}}
    assert ask(service, ROLES, ANN, "POST", other).code == 201
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    for refused in (
        ask(service, ROLES, ANN, "POST", {**ROLE, "metadata": {**PLACE, "name": "root"}, "rules": everything}),
        ask(service, (*ROLES, "r"), ANN, "PUT", {**ROLE, "rules": everything}),  # nor to himself
    ):
        assert refused.code == 403
        assert "attempting to grant RBAC permissions not currently held" in refused.body["message"]
    assert ask(service, (*ROLES, "root")).code == 404
    assert ask(service, (*ROLES, "r")).body["rules"] == [*RULES, WRITES]


def test_what_is_asked_about_others_needs_a_right(service: Service) -> None:
    path = (*REVIEWS[:3], "subjectaccessreviews")
    body = {"spec": {"user": "ann", "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "hotel"}}}
    assert ask(service, path, method="POST", body=body).body["status"] == {"allowed": True}
    assert ask(service, path, ANN, "POST", body).code == 403


def test_who_somebody_acts_for_decides_what_is_done(service: Service) -> None:
    assert ask(service, PODS, ANN).code == 200
    before = dict(service.world.store.state.objects)
    for method, path, verb, what in (
        ("DELETE", PODS, "deletecollection", "pods"), ("GET", (*PODS, "x"), "get", "pods"),
        ("GET", ("api", "v1", "nodes"), "list", "nodes"), ("POST", PODS, "create", "pods"),
        ("GET", ("apis", "apps", "v1", "namespaces", "hotel", "deployments"), "list", "deployments"),
        ("POST", (*PODS, "x", "eviction"), "create", "pods/eviction"),
    ):  # fmt: skip
        refused = ask(service, path, ANN, method)
        assert refused.code == 403
        assert f'User "ann" cannot {verb} resource "{what}" in API group' in refused.body["message"]
    assert dict(service.world.store.state.objects) == before
    assert ask(service, PODS, ANN, watch="true").code == 403


def test_usage_is_that_of_the_exposed_metrics(service: Service) -> None:
    found = ask(service, (*TOP, "pods")).body["items"]
    rows = query(service.world, "container_memory_working_set_bytes")
    shown = {pod["metadata"]["name"]: int(pod["containers"][0]["usage"]["memory"].removesuffix("Ki")) for pod in found}
    assert {name: 1024 * kib for name, kib in shown.items()} == {r["metric"]["pod"]: int(r["value"][1]) for r in rows}
    (geo,) = ask(service, (*TOP, "namespaces", "hotel", "pods"), labelSelector="app=geo").body["items"]
    rate = "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate"
    (row,) = query(service.world, rate, matchers('container="geo"'))
    assert int(geo["containers"][0]["usage"]["cpu"].removesuffix("n")) == pytest.approx(float(row["value"][1]) * 1e9)
    assert ask(service, (*TOP, "nodes", "node-1")).body["metadata"]["name"] == "node-1"
    assert ask(service, (*TOP, "nodes", "nobody")).code == 404
    assert ask(service, (*TOP, "nodes"), method="DELETE").code == 405
    crash(service.world, "node-1")
    assert ask(service, (*TOP, "nodes", "node-1")).code == 404


def lines(documents: Iterator[Any], count: int) -> list[str]:
    return [line for text in islice(documents, count) if text for line in text.splitlines()]


def test_followers_are_told_what_is_written_and_when_it_is_over(service: Service) -> None:
    (pod,) = [key for key in service.world.store.keys("Pod") if key.name.startswith("geo-")]
    path = (*PODS, pod.name, "log")
    before = ask(service, path).body.splitlines()
    stream = ask(service, path, follow="true", tailLines="2")
    assert isinstance(stream, Stream) and stream.content_type == "text/plain"
    assert lines(stream.documents, 1) == before[-2:]
    service.advance(5 * SECOND_US)
    fresh = lines(stream.documents, 1)
    assert len(fresh) >= 4 and not {*fresh} & {*before}
    assert fresh == ask(service, path, tailLines=str(len(fresh))).body.splitlines()
    api.delete(service.world, pod, "test")
    service.advance(60 * SECOND_US)
    assert len([*islice(stream.documents, 9)]) < 2, "it has ended"
    assert ask(service, path, follow="true").code == 404


def test_the_log_of_a_run_that_is_over_is_not_followed(service: Service) -> None:
    pod = next(service.world.store.keys("Pod"))
    answer = ask(service, (*PODS, pod.name, "log"), follow="true", previous="true")
    assert isinstance(answer, Answer) and answer.code == 400


@pytest.mark.parametrize("option", ["tailLines", "sinceSeconds", "limitBytes", "sinceTime"])
def test_options_of_logs_nobody_can_read_are_refused(service: Service, option: str) -> None:
    pod = next(service.world.store.keys("Pod"))
    refused = ask(service, (*PODS, pod.name, "log"), **{option: "-1x"})
    assert refused.code == 400 and option in refused.body["message"]


def test_since_and_until(service: Service) -> None:
    (pod,) = [key for key in service.world.store.keys("Pod") if key.name.startswith("geo-")]
    path = (*PODS, pod.name, "log")
    whole = ask(service, path).body.splitlines()
    late = ask(service, path, sinceSeconds="10").body.splitlines()
    assert 0 < len(late) < len(whole) and late == whole[-len(late) :]
    assert ask(service, path, sinceTime=ask(service, ("stratus", "clock")).body["now"]).body == ""
    assert ask(service, path, sinceTime="2020-01-01T00:00:00Z").body.splitlines() == whole
    assert len(ask(service, path, limitBytes="70").body) == 70
