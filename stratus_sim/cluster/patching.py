"""The three kinds of patch Kubernetes knows, applied to plain JSON.

`stratus_sim.cluster.merge` is the strategic merge itself; here its directives, which kubectl adds, are spelt out as
plain changes. Sources: RFC 7386 (merge patch), RFC 6902 (JSON patch), RFC 6901 (JSON pointer), Kubernetes
community/contributors/devel/sig-api-machinery/strategic-merge-patch.md (directives).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from stratus_sim.cluster.merge import strategic_merge

Json = dict[str, Any]

_DROP = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "ip", "key")


class PatchError(ValueError):
    """A patch that does not fit the object it is applied to."""


class Malformed(PatchError):
    """What is no patch of its kind, whatever the object."""


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
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
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
        Malformed: the patch is no JSON object.
    """
    if not isinstance(patch, Mapping):
        raise Malformed("a strategic merge patch is a JSON object")
    return strategic_merge(document, _spelt_out(document, patch))


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


def _spelt_out(document: Any, patch: Mapping[str, Any]) -> Json:
    """A patch that does the same without directives, except `$patch: delete` on list items."""
    live: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    if patch.get("$patch") == "replace":
        wanted = {k: v for k, v in patch.items() if k != "$patch"}
        return dict.fromkeys(live) | wanted
    plain: Json = {}
    if isinstance(patch.get(_RETAIN), list):
        plain |= dict.fromkeys(key for key in live if key not in patch[_RETAIN])
    for key, change in patch.items():
        if key.startswith(_DROP):
            name = key.removeprefix(_DROP)
            plain[name] = [item for item in plain.get(name, live.get(name)) or () if item not in change]
        elif not key.startswith("$"):
            plain[key] = _spelt_out_value(live.get(key), change)
    return plain


def _spelt_out_value(live: Any, change: Any) -> Any:
    if isinstance(change, Mapping):
        return None if change.get("$patch") == "delete" else _spelt_out(live, change)
    if isinstance(change, list):
        return _spelt_out_list(live if isinstance(live, list) else [], change)
    return change


def _spelt_out_list(live: list[Any], change: list[Any]) -> list[Any]:
    """`$patch: replace` beside the items makes them the whole list: the items not named are deleted."""
    items = [item for item in change if not (isinstance(item, Mapping) and item.get("$patch") == "replace")]
    key = _merge_key([*live, *items])
    if key is None:
        return items
    found = {item[key]: item for item in live}
    spelt = [item if item.get("$patch") == "delete" else _spelt_out(found.get(item[key]), item) for item in items]
    if len(items) == len(change):
        return spelt
    named = {item[key] for item in items}
    return [*spelt, *({key: name, "$patch": "delete"} for name in found if name not in named)]


def _merge_key(items: list[Any]) -> str | None:
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    return next((key for key in _MERGE_KEYS if all(key in item for item in items)), None)


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    op, path = operation["op"], _pointer(operation["path"])
    if op == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError("the value tested for is not there")
        return document
    if op in ("add", "replace"):
        if op == "replace":
            _at(document, path)
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


def _index(items: list[Any], step: str, limit: int) -> int:
    if not step.isdecimal() or int(step) >= limit:
        raise IndexError(f"no item {step!r} in a list of {len(items)}")
    return int(step)


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
