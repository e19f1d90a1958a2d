"""Label and field selectors, as list and watch take them.

Source: kubernetes.io/docs/concepts/overview/working-with-objects/labels ("API") and .../field-selectors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from stratus_sim.cluster.scheduling.node_affinity import exceeds
from stratus_sim.manifests.names import label_value, qualified
from stratus_sim.serve.answers import Refusal
from stratus_sim.telemetry.render import Json

Test = Callable[[Json], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=]*)$")
_EXISTENCE = re.compile(r"^(?P<operator>!?)\s*(?P<key>[^\s!=()<>]+)$")
_COMPARISON = re.compile(r"^(?P<key>[^\s!=()<>]+)\s*(?P<operator>[<>])\s*(?P<value>\d+)$", re.ASCII)
_TERMS = re.compile(r",(?![^()]*\))")


def test_of(parameters: Mapping[str, str]) -> Test:
    """Whether an object matches the `labelSelector` and the `fieldSelector` of a request.

    Raises:
        Refusal: 400, a selector that nobody can read; nothing is guessed.
    """
    terms = _terms(parameters.get("labelSelector", ""))
    if not all(terms):
        raise Refusal(400, "unable to parse requirement: found ',', expected: identifier")
    tests = [_label_test(term) for term in terms]
    tests += [_field_test(term) for term in _terms(parameters.get("fieldSelector", "")) if term]
    return lambda item: all(test(item) for test in tests)


def _terms(selector: str) -> list[str]:
    return [term.strip() for term in _TERMS.split(selector)] if selector.strip() else []


def _label_test(term: str) -> Test:
    if match := _SET.match(term):
        values = [value.strip() for value in match["values"].split(",")]
        wanted = match["operator"] == "in"
        return _on_label(match["key"], lambda value: (value in values) == wanted, *values)
    if match := _EQUALITY.match(term):
        value, equal = match["value"], match["operator"] != "!="
        return _on_label(match["key"], lambda found: (found == value) == equal, value)
    if match := _COMPARISON.match(term):
        number, above = match["value"], match["operator"] == ">"
        return _on_label(match["key"], lambda found: found is not None and _beyond(found, number, above))
    if match := _EXISTENCE.match(term):
        there = not match["operator"]
        return _on_label(match["key"], lambda found: (found is not None) == there)
    raise Refusal(400, f"unable to parse requirement {term!r} of the label selector")


def _beyond(found: str, number: str, above: bool) -> bool:
    return exceeds(found, number) if above else exceeds(number, found)


def _on_label(key: str, holds: Callable[[str | None], bool], *values: str) -> Test:
    """Raises Refusal for a key or a value that no label can have."""
    problems = [f'<nil>: Invalid value: "{key}": {one}' for one in qualified(key)]
    for place, value in enumerate(values):
        problems += [f'values[{place}][{key}]: Invalid value: "{value}": {one}' for one in label_value(value)]
    if problems:
        raise Refusal(400, f"unable to parse requirement: {problems[0]}")
    return lambda item: holds((item["metadata"].get("labels") or {}).get(key))


def _field_test(term: str) -> Test:
    match = _EQUALITY.match(term)
    if match is None:
        raise Refusal(400, f"invalid field selector {term!r}: expected path=value or path!=value")
    path, value, equal = match["key"].split("."), match["value"], match["operator"] != "!="
    return lambda item: (_text(_at(item, path)) == value) == equal


def _at(item: Any, path: list[str]) -> Any:
    for step in path:
        item = item.get(step) if isinstance(item, Mapping) else None
    return item


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
