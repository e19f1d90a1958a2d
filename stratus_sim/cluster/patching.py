"""The three kinds of patch Kubernetes knows, applied to plain JSON.

`stratus_sim.cluster.merge` is the strategic one. Sources: RFC 7386 (merge patch), RFC 6902 (JSON patch), RFC 6901
(JSON pointer); and gopkg.in/evanphx/json-patch.v4, by which the API server 1.33 applies the latter two. What it accepts
beyond them is accepted here: `replace` of a field that is not there, places counted from a list's end.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import without_nulls
from stratus_sim.cluster.patch_errors import Malformed, PatchError

Json = dict[str, Any]
_PLACE = re.compile(r"[+-]?\d+", re.ASCII)


def merged(document: Mapping[str, Any], patch: Any, kind: str) -> Any:
    """`document` with a patch applied: `kind` is strategic, merge or json, as kubectl's --type. Changes neither.

    Raises:
        PatchError: the patch does not fit; Malformed: it is no patch of this kind.
    """
    if kind not in PATCHERS:
        raise Malformed(f"type {kind!r}: expected one of {', '.join(PATCHERS)}")
    if kind == "merge" and not isinstance(patch, Mapping):
        raise Malformed(f"{patch!r}: expected a mapping")
    return PATCHERS[kind](dict(document), patch)


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces; nulls of objects in lists go too."""
    if not isinstance(patch, Mapping):
        return without_nulls(patch)
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), change)
    return merged


def strategic(document: Json, patch: Any) -> Any:
    """Strategic merge, directives included.

    Raises:
        PatchError: it does not fit; Malformed: it is no JSON object, or a directive in it is none.
    """
    if not isinstance(patch, Mapping):
        raise Malformed("a strategic merge patch is a JSON object")
    return strategic_merge(document, patch)


def json_patch(document: Json, operations: Any) -> Any:
    """RFC 6902: all operations in order, or none.

    Raises:
        Malformed: the patch is no list of operations.
        PatchError: an operation does not fit the object.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, Mapping) for operation in operations):
        raise Malformed("a JSON patch is a list of operations")
    patched: Any = copy.deepcopy(document)
    for operation in operations:
        try:
            patched = _operate(patched, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            shown = f"{operation.get('op')} {operation.get('path')}"
            raise PatchError(f"{shown}: {error}") from None
    return patched


PATCHERS: Mapping[str, Callable[[Json, Any], Any]] = {"strategic": strategic, "merge": merge_patch, "json": json_patch}
"""How to apply a patch, by the name kubectl's --type gives it."""


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    op, path = operation["op"], _pointer(operation["path"])
    if op == "test":
        if _text(_found(document, path)) != _text(operation["value"]):
            raise ValueError("the value tested for is not there")
        return document
    if op in ("add", "replace"):
        return _put(document, path, copy.deepcopy(operation["value"]), replace=op == "replace")
    if op == "remove":
        return _take(document, path)
    if op in ("move", "copy"):
        source = _pointer(operation["from"])
        value = copy.deepcopy(_at(document, source))
        return _put(_take(document, source) if op == "move" else document, path, value)
    raise ValueError("expected op add, remove, replace, move, copy or test")


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise ValueError(f"{text!r} is no JSON pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def _text(value: Any) -> str:
    """Python holds True and 1 for equal; JSON does not."""
    return json.dumps(value, sort_keys=True)


def _index(items: list[Any], step: str, limit: int) -> int:
    place = int(step) if _PLACE.fullmatch(step) else limit
    if not -limit <= place < limit:
        raise IndexError(f"no item {step!r} in a list of {len(items)}")
    return place % limit


def _found(document: Any, path: list[str]) -> Any:
    """The value at a path; None for a field that is not there."""
    parent = _at(document, path[:-1])
    return parent.get(path[-1]) if path and isinstance(parent, dict) else _at(parent, path[-1:])


def _at(node: Any, path: list[str]) -> Any:
    for step in path:
        node = node[_index(node, step, len(node))] if isinstance(node, list) else node[step]
    return node


def _put(document: Any, path: list[str], value: Any, *, replace: bool = False) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if not isinstance(parent, list):
        parent[last] = value
    elif replace:
        parent[_index(parent, last, len(parent))] = value
    else:
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent) + 1), value)
    return document


def _take(document: Any, path: list[str]) -> Any:
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, last, len(parent))]
    else:
        del parent[last]
    return document
