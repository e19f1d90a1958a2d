"""One write is one request against the version it was decided on, and a refusal says whose fault it is."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.adapters.kubernetes.connection import MANAGER, MERGE_PATCH, Connection, Refused
from stratus_sim.adapters.kubernetes.kinds import Served
from stratus_sim.adapters.kubernetes.writing import Conflict, Denied, Writer, merge_patch
from stratus_sim.cluster import patching
from stratus_sim.cluster.actions import InvalidAction
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.telemetry.render import REDACTED

VALUES = st.recursive(
    st.integers(2, 4) | st.text("ab", max_size=1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("xyz"), VALUES)
SERVED = {kind: Served(kind, "v1", f"{kind.lower()}s", kind != "Node") for kind in ("ConfigMap", "Secret", "Node")}
KEY = ObjectKey("ConfigMap", "shop", "web")


class Answering:
    """Takes every request, or refuses it."""

    url = "https://server"

    def __init__(self, *refused: Any) -> None:
        self.refused, self.sent = refused, list[Any]()

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        self.sent.append((method, path, body, more))
        if self.refused:
            raise Refused(*self.refused, "says no")
        return {"metadata": {"resourceVersion": "8"}}

    def writer(self) -> Writer:
        return Writer(cast(Connection, self), SERVED)


def live(kind: str = "ConfigMap", **fields: Any) -> dict[str, Any]:
    metadata = {"name": "web", "uid": "u", "resourceVersion": "7"}
    return {"kind": kind, "apiVersion": "v1", "metadata": metadata, **fields}


def wanted(kind: str = "ConfigMap", **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": "v1", "metadata": {"name": "web"}, **fields}


@given(OBJECTS, OBJECTS)
def test_a_patch_makes_one_of_the_other_and_says_nothing_more(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = merge_patch(before, after)
    assert patching.merge_patch(before, patch) == after
    assert not any(before.get(key) == value for key, value in patch.items())
    assert bool(patch) == (before != after)


def test_a_change_and_a_deletion_name_the_version_they_were_decided_on() -> None:
    server, query = Answering(), {"fieldManager": MANAGER}
    found = server.writer().write(KEY, live(data={"a": "1", "b": "2"}), wanted(data={"a": "1"}))
    assert found == {"metadata": {"resourceVersion": "8"}, "kind": "ConfigMap", "apiVersion": "v1"}
    path = "/api/v1/namespaces/shop/configmaps"
    patch = {"data": {"b": None}, "metadata": {"resourceVersion": "7"}}
    assert server.sent.pop() == ("PATCH", f"{path}/web", patch, {"query": query, "content_type": MERGE_PATCH})
    server.writer().write(KEY, None, wanted())
    assert server.sent.pop() == ("POST", path, wanted(), {"query": query})
    for dry in (False, True):
        assert server.writer().write(KEY, live(), None, dry_run=dry) is None
        method, place, options, more = server.sent.pop()
        assert (method, place, more["query"].get("dryRun")) == ("DELETE", f"{path}/web", "All" if dry else None)
        assert options["preconditions"] == {"uid": "u", "resourceVersion": "7"}
        assert options.get("dryRun") == (["All"] if dry else None)


def test_what_is_so_already_is_not_asked_for() -> None:
    server, found = Answering(), live(data={"a": "1"})
    assert server.writer().write(KEY, found, wanted(data={"a": "1"})) is found
    assert server.writer().write(KEY, None, None) is None
    assert not server.sent


@pytest.mark.parametrize(
    ("status", "reason", "known", "problem"),
    [
        (409, "Conflict", True, Conflict),
        (409, "AlreadyExists", False, InvalidAction),
        (404, "NotFound", True, Conflict),
        (404, "NotFound", False, InvalidAction),
        (403, "Forbidden", True, Denied),
        (405, "", True, Denied),
        (422, "Invalid", True, InvalidAction),
        (429, "", True, UserError),
        (500, "", True, UserError),
        (503, "", False, UserError),
    ],
)
def test_a_refusal_is_told_by_its_status(status: int, reason: str, known: bool, problem: type[Exception]) -> None:
    with pytest.raises(Exception, match="says no") as caught:
        Answering(status, reason).writer().write(KEY, live() if known else None, wanted(data={"a": "1"}))
    assert type(caught.value) is problem


@pytest.mark.parametrize(("status", "passes"), [(403, True), (404, True), (405, True), (409, False), (500, False)])
def test_what_could_not_be_moved_is_no_obstacle_only_where_it_may_not_be_written(status: int, passes: bool) -> None:
    server = Answering(status, "")
    if passes:
        server.writer().touch(KEY)
    else:
        with pytest.raises(UserError, match="could not be fenced"):
            server.writer().touch(KEY)
    assert len(server.sent) == 1


HIDDEN = base64.b64encode(REDACTED.encode()).decode()


@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("Secret", {"data": {"t": REDACTED}}, {"data": {"t": "new"}}, "data.t is redacted"),
        ("Secret", {"data": {"t": HIDDEN}}, None, "data.t is redacted"),
        ("Secret", {"data": {"t": HIDDEN, "u": "1"}}, {"data": {"t": HIDDEN}}, ""),
        ("Secret", None, {"data": {"t": REDACTED}}, ""),
        ("ConfigMap", {"data": {"t": REDACTED}}, {"data": {"t": "new"}}, ""),
        ("Node", {"spec": {"taints": [{"key": "mine"}]}}, {"spec": {}}, "cordon the node instead"),
        ("Node", {"spec": {}}, {"spec": {"unschedulable": True}}, ""),
        ("Pod", {}, None, "serves no such kind"),
    ],
)
def test_what_could_not_be_put_back_is_not_written(
    kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None, said: str
) -> None:
    key, server = ObjectKey(kind, "shop", "web"), Answering()
    pair = live(kind, **before) if before is not None else None, wanted(kind, **after) if after is not None else None
    if not said:
        server.writer().write(key, *pair)
        assert server.sent
        return
    with pytest.raises(InvalidAction, match=said):
        server.writer().write(key, *pair)
    assert not server.sent
