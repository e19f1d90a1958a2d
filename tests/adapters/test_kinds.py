"""What a server says it serves: which kinds count, where they lie, and what is a server's fault or a plan's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from stratus_sim.adapters.kubernetes.connection import Connection, Refused
from stratus_sim.adapters.kubernetes.kinds import READ_CUSTOM, Served, Unanswered, discover
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError

Answers = dict[str, Any]


class Answering:
    """A server that says this under these paths, refuses with a status, and has nothing (404) elsewhere."""

    url = "https://server"

    def __init__(self, answers: Answers) -> None:
        self._answers, self.asked = answers, list[str]()

    def send(self, _method: str, path: str) -> Any:
        self.asked.append(path)
        answer = self._answers.get(path, 404)
        if isinstance(answer, int):
            raise Refused(answer, "", "says no")
        return answer


def resources(*found: tuple[str, str, bool]) -> Answers:
    return {"resources": [{"kind": kind, "name": name, "namespaced": inside} for kind, name, inside in found]}


def groups(*versions: str) -> Answers:
    return {"groups": [{"preferredVersion": {"groupVersion": version}} for version in versions]}


CORE = resources(("Pod", "pods", True), ("Pod", "pods/eviction", True), ("Node", "nodes", False), ("Own", "owns", True))
SERVER: Answers = {
    "/api/v1": CORE,
    "/apis/batch/v1": {"resources": None},
    "/apis/storage.k8s.io/v1": resources(("StorageClass", "storageclasses", False)),
    "/apis": groups("a.org/v1", "down.org/v1", "b.org/v1", "apps/v1"),
    "/apis/a.org/v1": resources(("Own", "owns", True), ("Own", "owners", True), (READ_CUSTOM[0], "chaos", True)),
    "/apis/b.org/v1": resources(("Own", "others", True), ("Odd", "odds", False)),
    "/apis/down.org/v1": 503,
    "/apis/apps/v1": resources(("Deployment", "deployments", True), ("Made", "mades", True)),
}


def discovered(*extra: str, **answers: Any) -> dict[str, Served]:
    changed = {path.replace("_", "/"): answer for path, answer in answers.items()}
    return discover(cast(Connection, Answering(SERVER | changed)), extra)


def test_the_usual_kinds_are_found_and_others_where_a_plan_names_them() -> None:
    usual = {"Pod", "Node", "Deployment", READ_CUSTOM[0]}
    assert discovered().keys() == usual
    assert discovered("Odd").keys() == usual | {"Odd"}
    assert discovered("Odd")["Odd"] == Served("Odd", "b.org/v1", "odds", False)
    assert discovered("StorageClass").keys() == usual | {"StorageClass"}


def test_a_server_is_asked_in_the_same_order_every_time() -> None:
    server = Answering(SERVER)
    discover(cast(Connection, server), ("StorageClass", "Odd"))
    versions = server.asked[: server.asked.index("/apis")]
    assert versions == [*sorted(set(versions) - {"/api/v1"}), "/api/v1"] and len(versions) > 4
    assert server.asked[len(versions) :] == ["/apis", "/apis/b.org/v1", "/apis/down.org/v1", "/apis/a.org/v1"]


def test_of_several_with_one_name_the_first_counts() -> None:
    assert discovered("Own")["Own"] == Served("Own", "v1", "owns", True)
    without = CORE | {"resources": CORE["resources"][:3]}
    assert discovered("Own", _api_v1=without)["Own"] == Served("Own", "a.org/v1", "owns", True)


def test_what_is_not_served_is_named() -> None:
    with pytest.raises(UserError, match="serves no kind 'Absent': "):
        discovered("None", "Absent", "Odd")
    with pytest.raises(UserError, match="does not answer as a Kubernetes API server"):
        discovered(_api_v1=404)


def test_only_an_extension_may_be_down() -> None:
    with pytest.raises(Unanswered, match=r"https://server/apis/batch/v1: says no \(HTTP 500\)"):
        discovered(_apis_batch_v1=500)
    with pytest.raises(Unanswered, match="HTTP 403"):
        discovered(_apis=403)
    assert discovered(_apis=404).keys() == {"Pod", "Node", "Deployment"}


def test_where_an_object_lies() -> None:
    pod, node, own = (Served(*found) for found in (("Pod", "v1", "pods", True), ("Node", "v1", "nodes", False),
                                                   ("Own", "a.org/v1", "owns", True)))  # fmt: skip
    assert pod.of(ObjectKey("Pod", "shop", "p")) == "/api/v1/namespaces/shop/pods/p"
    assert (pod.path(), node.path("shop")) == ("/api/v1/pods", "/api/v1/nodes")
    assert own.path("shop") == "/apis/a.org/v1/namespaces/shop/owns"
