"""Patches against their RFCs, directives against what kubectl means by them, and the rebase of what came back."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster.patching import json_patch, merge_patch
from stratus_sim.serve.admitting import rebase
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.patching import applied

PAIRS = [  # RFC 7386, appendix A: (document, patch, result)
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({}, {"a": [{"b": None, "c": 1}, None]}, {"a": [{"c": 1}, None]}),  # as the API server does it
]
OPERATIONS = [  # RFC 6902, appendix A, and RFC 6901's escapes
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": 1}], {"foo": "bar", "baz": 1}),
    ({"foo": ["a", "c"]}, [{"op": "add", "path": "/foo/1", "value": "b"}], {"foo": ["a", "b", "c"]}),
    ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": "b"}], {"foo": ["a", "b"]}),
    ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
    ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
    ({"a": {"x": 1}, "b": {}}, [{"op": "move", "from": "/a/x", "path": "/b/y"}], {"a": {}, "b": {"y": 1}}),
    ({"a": {"x": 1}}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": {"x": 1}, "b": {"x": 1}}),
    (
        {"a/b": 1, "m~n": 2},
        [{"op": "remove", "path": "/a~1b"}, {"op": "test", "path": "/m~0n", "value": 2}],
        {"m~n": 2},
    ),
    ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    # What the API server accepts beside the RFC.
    ({"a": {}}, [{"op": "replace", "path": "/a/b", "value": 1}], {"a": {"b": 1}}),
    (
        {"l": [1, 2, 3]},
        [{"op": "remove", "path": "/l/-1"}, {"op": "replace", "path": "/l/-2", "value": 0}],
        {"l": [0, 2]},
    ),
    ({"l": [1]}, [{"op": "add", "path": "/l/-1", "value": 2}], {"l": [1, 2]}),
    ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
]
BROKEN = [
    [{"op": "test", "path": "/a", "value": 2}],
    [{"op": "remove", "path": "/b"}],
    [{"op": "replace", "path": "/b/c", "value": 1}],
    [{"op": "test", "path": "/a", "value": True}],
    [{"op": "add", "path": "/l/5", "value": 1}],
    [{"op": "remove", "path": "/l/-3"}],
    [{"op": "replace", "path": "/l/2", "value": 1}],
    [{"op": "add", "path": "a", "value": 1}],
    [{"op": "add", "path": "/a/b/c", "value": 1}],
    [{"op": "nonsense", "path": "/a"}],
    [{"path": "/a"}],
    [{"op": "add", "path": "/a"}],
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from("abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["name", "a", "b", "c"]), JSON, max_size=4)


@pytest.mark.parametrize(("document", "patch", "result"), PAIRS)
def test_merge_patch(document, patch, result) -> None:
    assert merge_patch(document, patch) == result


@pytest.mark.parametrize(("document", "operations", "result"), OPERATIONS)
def test_json_patch(document, operations, result) -> None:
    before = copy.deepcopy(document)
    assert json_patch(document, operations) == result
    assert document == before


@pytest.mark.parametrize("operations", BROKEN)
def test_a_json_patch_that_does_not_fit_is_refused_whole(operations) -> None:
    document = {"a": 1, "l": [1, 2]}
    with pytest.raises(Refusal) as refused:
        applied(document, [{"op": "add", "path": "/new", "value": 1}, *operations], "json")
    assert refused.value.code == 422
    assert document == {"a": 1, "l": [1, 2]}


@pytest.mark.parametrize(
    ("patch", "code", "told"),
    [
        ({"spec": {"ports": [{"name": "http"}]}}, 500, "map: map[name:http] does not contain declared merge key: port"),
        ({"spec": {"$retainKeys": ["ports"], "type": "NodePort"}}, 400, "invalid patch format of retainKeys"),
        ([], 400, "a strategic merge patch is a JSON object"),
    ],
)
def test_a_strategic_patch_that_does_not_fit_is_refused_as_the_api_server_does(patch, code, told) -> None:
    with pytest.raises(Refusal) as refused:
        applied({"kind": "Service", "spec": {"ports": [{"name": "http", "port": 80}]}}, patch, "strategic")
    assert (refused.value.code, str(refused.value)) == (code, told)


@given(OBJECTS, OBJECTS)
def test_what_comes_back_as_shown_changes_nothing(stored, shown) -> None:
    assert rebase(stored, shown, copy.deepcopy(shown)) is stored


@given(OBJECTS, OBJECTS)
def test_where_nothing_is_hidden_or_added_the_wish_is_the_result(stored, wanted) -> None:
    assert rebase(stored, stored, wanted) == wanted


@given(OBJECTS, OBJECTS, JSON)
def test_defaults_do_not_leak_into_what_is_stored(stored, wanted, default) -> None:
    shown = {**stored, "default": default}
    assert rebase(stored, shown, {**wanted, "default": default}) == wanted


@given(OBJECTS, OBJECTS, JSON)
def test_what_was_not_shown_stays(stored, wanted, secret) -> None:
    assert rebase({**stored, "hidden": secret}, stored, wanted) == {**wanted, "hidden": secret}


def test_defaults_in_named_list_items_do_not_leak_either() -> None:
    stored = {"containers": [{"name": "a", "image": "x"}]}
    shown = {"containers": [{"name": "a", "image": "x", "policy": "Always"}]}
    wanted = {"containers": [{"name": "a", "image": "y", "policy": "Always"}, {"name": "b", "image": "z"}]}
    assert rebase(stored, shown, wanted) == {"containers": [{"name": "a", "image": "y"}, {"name": "b", "image": "z"}]}
