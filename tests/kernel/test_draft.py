"""A draft reads like the map it stands for, and what was frozen never changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from stratus_sim.kernel.draft import Draft

WRITES = st.lists(st.one_of(st.tuples(st.integers(0, 40), st.integers()), st.just("freeze"), st.integers(0, 40)))


@given(st.dictionaries(st.integers(0, 40), st.integers()), WRITES)
def test_a_draft_is_the_map_it_stands_for_and_frozen_maps_stay(start: dict[int, int], writes: list) -> None:
    draft, model, taken = Draft(Map(start)), dict(start), []
    for write in writes:
        if write == "freeze":
            taken.append((draft.freeze(), dict(model)))
        elif isinstance(write, tuple):
            draft.set(*write)
            model[write[0]] = write[1]
        elif write in model:
            draft.delete(write)
            del model[write]
        assert {key: draft.now.get(key) for key in range(41)} == {key: model.get(key) for key in range(41)}
    assert dict(draft.freeze()) == model
    assert all(dict(frozen) == then for frozen, then in taken)


def test_deleting_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        Draft(Map({1: 1})).delete(2)
