"""The service behind the sockets: watchers' history, and requests nobody in their right mind would send."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.events import emit
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.serve import history as histories
from stratus_sim.serve.answers import Answer, Refusal, Request
from stratus_sim.serve.history import History, told
from stratus_sim.serve.kinds import find
from stratus_sim.serve.selecting import test_of as selector
from stratus_sim.serve.service import Service
from stratus_sim.serve.showing import View
from stratus_sim.world import World
from tests.conftest import standing

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "hotel", "labels": {"a": "1"}}}
KEY = ObjectKey("ConfigMap", "hotel", "m")
PATHS = [
    "apis/apps/v1/namespaces/hotel/deployments/geo",
    "apis/apps/v1/namespaces/hotel/deployments/geo/scale",
    "api/v1/namespaces/hotel/services/geo",
    "api/v1/namespaces/hotel/configmaps/profile-config",
    "api/v1/namespaces/hotel/secrets/mongodb-user",
    "api/v1/nodes/node-1",
    "apis/apps/v1/namespaces/hotel/deployments",
    "api/v1/namespaces/hotel/configmaps",
    "stratus/clock",
]
WORDS = [
    "metadata",
    "spec",
    "data",
    "stringData",
    "template",
    "containers",
    "selector",
    "labels",
    "name",
    "replicas",
    "kind",
]
WORDS += [
    "annotations",
    "ports",
    "$patch",
    "env",
    "strategy",
    "namespace",
    "resourceVersion",
    "finalizers",
    "preconditions",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.sampled_from(["delete", "geo", "", "x y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
TYPES = ["application/json", "application/merge-patch+json", "application/strategic-merge-patch+json", ""]


def changes(history: History, position: int, test, namespace: str | None = "hotel") -> list[str]:
    kind = find(history._view.world, "", "v1", "configmaps")
    found = (told(change, kind, namespace, test) for change in history.since(position))
    return [event["type"] for event in found if event is not None]


def test_what_begins_and_ceases_to_match_is_added_and_deleted(hotel: World) -> None:
    history = History(View(hotel))
    for labels in ({"a": "1"}, {"a": "2"}, {"a": "2", "b": "x"}, {"a": "1"}):
        api.put(hotel, {**MAP, "metadata": {**MAP["metadata"], "labels": labels}}, "user")
        history.capture()
    api.delete(hotel, KEY, "user")
    history.capture()
    assert changes(history, 0, selector({})) == ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]
    assert changes(history, 0, selector({"labelSelector": "a=1"})) == ["ADDED", "DELETED", "ADDED", "DELETED"]
    assert changes(history, 0, selector({}), "elsewhere") == []
    kind = find(hotel, "", "v1", "configmaps")
    told_of = [told(change, kind, None, selector({})) for change in history.since(0)]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in told_of if event is not None]
    assert versions == sorted(set(versions)), "a deletion has a version of its own, from which a watch goes on"


def test_an_object_made_anew_between_two_readings_is_deleted_first(hotel: World) -> None:
    api.put(hotel, MAP, "user")
    history = History(View(hotel))
    api.delete(hotel, KEY, "user")
    api.put(hotel, MAP, "user")
    history.capture()
    assert changes(history, 0, selector({})) == ["DELETED", "ADDED"]


def test_versions_lead_to_the_changes_after_them(hotel: World) -> None:
    history, versions = History(View(hotel)), []
    for number in range(4):
        api.put(hotel, {**MAP, "data": {"n": str(number)}}, "user")
        history.capture()
        versions.append(history.version)
    assert [len(history.since(history.position(version))) for version in versions] == [3, 2, 1, 0]


def test_forgotten_changes_are_said_to_be(hotel: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "KEPT", 3)
    history = History(View(hotel))
    begin = history.version
    for number in range(5):
        api.put(hotel, {**MAP, "data": {"n": str(number)}}, "user")
        history.capture()
    for read in (lambda: history.position(begin), lambda: history.since(0)):
        with pytest.raises(Refusal) as refused:
            read()
        assert refused.value.code == 410
    assert len(history.since(history.position(begin + 2))) == 3


def test_an_event_is_told_while_it_is_there_and_when_it_has_expired(hotel: World) -> None:
    history, kind = History(View(hotel)), find(hotel, "", "v1", "events")
    for reason in ("First", "First", "Second"):
        emit(hotel, KEY, reason, "said")
        history.capture()
        hotel.run_for(3000 * SECOND_US)
    found = [told(change, kind, "hotel", lambda body: body["message"] == "said") for change in history.since(0)]
    seen = [(event["type"], event["object"]["reason"], event["object"]["count"]) for event in found if event]
    assert seen == [("ADDED", "First", 1), ("MODIFIED", "First", 2), ("ADDED", "Second", 1)]
    emit(hotel, KEY, "Third", "said")
    history.capture()
    gone = [change.old["reason"] for change in history.since(0) if change.old is not None and change.new is None]
    assert gone.count("First") == 1
    assert "Second" not in gone


def test_events_are_told_too(hotel: World) -> None:
    service = Service(hotel)
    position = service.history.count
    request = Request(
        "PATCH", tuple(f"{PATHS[0]}/scale".split("/")), {}, {"content-type": TYPES[1]}, b'{"spec":{"replicas":2}}'
    )
    assert isinstance(answer := service.handle(request), Answer) and answer.code == 200
    seen = {change.new["reason"] for change in service.history.since(position) if change.kind == "Event" and change.new}
    assert "ScalingReplicaSet" in seen


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    method=st.sampled_from(["PATCH", "PUT", "POST", "DELETE"]),
    path=st.sampled_from(PATHS),
    body=VALUES,
    content_type=st.sampled_from(TYPES),
    dry=st.booleans(),
)
def test_no_body_makes_the_server_fail(method: str, path: str, body: object, content_type: str, dry: bool) -> None:
    world = World(standing())
    before = world.store.state.objects
    parameters = {"dryRun": "All"} if dry else {}
    request = Request(
        method, tuple(path.split("/")), parameters, {"content-type": content_type}, json.dumps(body).encode()
    )
    answer = Service(world).handle(request)
    assert isinstance(answer, Answer) and "an error of this server" not in str(answer.body), answer
    if dry or answer.code >= 400:
        assert world.store.state.objects == before or path == "stratus/clock"
