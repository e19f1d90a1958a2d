"""A draft reads like the map it stands for, and what was frozen never changes."""

from __future__ import annotations

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
            draft[write[0]] = model[write[0]] = write[1]
        else:
            draft[write] = None
            model.pop(write, None)
        assert {key: draft[key] for key in range(41)} == {key: model.get(key) for key in range(41)}
    assert dict(draft.freeze()) == model
    assert all(dict(frozen) == then for frozen, then in taken)


def test_a_draft_nobody_wrote_to_freezes_to_what_it_was_made_of() -> None:
    start = Map({1: 1})
    draft = Draft(start)
    assert (draft[1], draft[2]) == (1, None)
    assert draft.freeze() is start
