"""Fields and manifests are two forms of the same thing; differences are exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster.configuration import ABSENT, difference, flatten, freeze, thaw, unflatten
from stratus_sim.cluster.merge import strategic_merge
from tests.conftest import stage

scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab.[]{}", max_size=3))
names = st.text("ab[]{}", max_size=2)
keys = st.text("ab.[]{}\\", min_size=1, max_size=3)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.dictionaries(keys, inner, max_size=3),
        st.lists(inner, max_size=3),
        st.lists(st.tuples(names, inner), max_size=3, unique_by=lambda p: p[0]).map(
            lambda pairs: [{"name": n, "v": v} for n, v in pairs]
        ),
    ),
    max_leaves=12,
)
manifests = st.dictionaries(keys.filter(lambda k: k != "status"), trees, min_size=1, max_size=3)


@given(manifests)
def test_unflatten_inverts_flatten(manifest: dict) -> None:
    assert unflatten(flatten(manifest)) == manifest


def test_unflatten_inverts_flatten_on_real_manifests() -> None:
    for manifest in stage().manifests.objects:
        without_status = {k: v for k, v in manifest.items() if k != "status"}
        assert unflatten(flatten(manifest)) == without_status


@given(manifests, manifests)
def test_applying_a_difference_gives_the_other_side(before: dict, after: dict) -> None:
    fields = flatten(before)
    for path, (old, new) in difference(before, after).items():
        assert fields.get(path, ABSENT) == old
        fields[path] = new
    assert unflatten({p: v for p, v in fields.items() if v != ABSENT}) == after


@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), (False, 0), ("<absent>", None), (["absent", []], None), ([], {}), ("", None)]
)
def test_values_json_tells_apart_are_told_apart(one: object, other: object) -> None:
    assert difference({"spec": {"x": one}}, {"spec": {"x": other}}) != {}
    assert difference({"spec": {"x": one}}, {"spec": {}}) != {}
    assert freeze(one) != ABSENT
    assert repr(thaw(freeze(one))) == repr(one)


def test_added_fields_vanish_when_the_before_image_is_restored() -> None:
    before = {"spec": {"containers": [{"name": "a", "image": "x"}]}}
    after = strategic_merge(before, {"spec": {"containers": [{"name": "a", "env": [{"name": "E", "value": "1"}]}]}})
    fields = flatten(after)
    fields.update({path: old for path, (old, _) in difference(before, after).items()})
    assert unflatten({p: v for p, v in fields.items() if v != ABSENT}) == before


@given(st.lists(st.tuples(names, st.integers()), max_size=4, unique_by=lambda p: p[0]), names)
def test_merging_by_name_touches_only_the_named_item(pairs: list, name: str) -> None:
    old = {"secrets": [{"name": n, "v": v} for n, v in pairs]}
    merged = strategic_merge(old, {"secrets": [{"name": name, "w": 1}]})
    others = [item for item in merged["secrets"] if item["name"] != name]
    assert others == [item for item in old["secrets"] if item["name"] != name]
    assert {"name": name, "w": 1}.items() <= next(i for i in merged["secrets"] if i["name"] == name).items()
