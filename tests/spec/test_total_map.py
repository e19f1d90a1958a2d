"""Total maps behave like functions: the last store wins, and equality is agreement on every key."""

from hypothesis import given
from hypothesis import strategies as st

from stratus_spec import TotalMap

BASE = {0: 1, 1: 2}.get
stores = st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 2))))


def build(start, pairs):
    for key, value in pairs:
        start = start.store(key, value)
    return start


@given(stores)
def test_the_last_store_wins(pairs):
    result = build(TotalMap.over(BASE), pairs)
    expected = {0: 1, 1: 2, 2: None, 3: None} | dict(pairs)
    assert {key: result[key] for key in range(4)} == expected


@given(stores, stores)
def test_equality_is_agreement_on_every_key(left, right):
    a, b = build(TotalMap.over(BASE), left), build(TotalMap.over(BASE), right)
    assert (a == b) == all(a[key] == b[key] for key in range(4))
    assert a != b or hash(a) == hash(b)


def test_storing_what_the_base_says_is_forgotten():
    assert dict(TotalMap.constant(-1).store("f", 3).store("f", -1).changes) == {}


def test_maps_over_different_bases_differ():
    assert TotalMap.constant(0) != TotalMap.constant(1)
    assert TotalMap.over({}.get) != TotalMap.over({}.get)
    assert TotalMap.constant(0) == TotalMap.constant(0)


def test_repr_is_sorted():
    assert repr(TotalMap.constant(0).store("b", 2).store("a", 1)) == "{a: 1, b: 2, else: 0}"
