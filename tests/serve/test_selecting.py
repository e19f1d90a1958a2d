"""Label selectors of a request, as k8s.io/apimachinery/pkg/labels 1.33 parses them."""

from __future__ import annotations

import pytest

from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.selecting import test_of as selector

LABELS = {"a": "1", "b": "x", "size": "5"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        (" ", True),
        ("a=1", True),
        ("a == 2", False),
        ("c!=1", True),
        ("a,!c", True),
        ("a in (1, 2),b notin (y)", True),
        ("c in ()", False),
        ("size>4", True),
        ("size > 5", False),
        ("size<6", True),
        ("b>1", False),
        ("c<1", False),
    ],
)
def test_what_a_selector_selects(text: str, matches: bool) -> None:
    assert selector({"labelSelector": text})({"metadata": {"labels": LABELS}}) is matches


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a=-", 'values[0][a]: Invalid value: "-": a valid label must be'),
        ("a in (1,b c)", 'values[1][a]: Invalid value: "b c": a valid label must be'),
        ("-a=1", '<nil>: Invalid value: "-a": name part must consist of alphanumeric'),
        ("a=1,", "found ',', expected: identifier"),
        ("a>x", "unable to parse requirement"),
        ("a b", "unable to parse requirement"),
    ],
)
def test_what_nobody_can_read_is_refused(text: str, told: str) -> None:
    with pytest.raises(Refusal) as refused:
        selector({"labelSelector": text})
    assert refused.value.code == 400
    assert told in str(refused.value)
