"""Patches the API server does not apply, in its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PatchError(ValueError):
    """A patch that does not fit the object it is applied to."""


class Malformed(PatchError):
    """What is no patch of its kind, whatever the object."""


class Unmergeable(PatchError):
    """A strategic merge patch with items that cannot be told apart; for the API server an error of its own."""


def keyless(item: Mapping[str, Any], key: str) -> Unmergeable:
    """An item of a list without the field its list is merged by."""
    return Unmergeable(f"map: {go_text(item)} does not contain declared merge key: {key}")


def go_text(value: Any) -> str:
    """A JSON value as Go prints it.

    >>> go_text({"image": "w:2", "args": ["-v", None], "stdin": True})
    'map[args:[-v <nil>] image:w:2 stdin:true]'
    """
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    return "<nil>" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
