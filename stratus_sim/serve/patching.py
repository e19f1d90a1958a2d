"""The three kinds of patch a client may send, applied to an object as it is shown.

Strategic merge is the cluster's own (`stratus_sim.cluster.merge`); here its directives, which kubectl adds, are
spelt out as plain changes. Sources: RFC 7386 (merge patch), RFC 6902 (JSON patch), RFC 6901 (JSON pointer), Kubernetes
community/contributors/devel/sig-api-machinery/strategic-merge-patch.md (directives).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.serve.answers import Refusal
from stratus_sim.telemetry.render import Json

Patcher = Callable[[Json, Any], Any]

_DROP = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "ip", "key")


def patcher(content_type: str, *, built_in: bool) -> Patcher:
    """The function that applies a body of this content type to an object; `built_in` is what the object's kind is.

    Raises:
        Refusal: 415, nobody here can apply such a body.
    """
    if content_type == "application/strategic-merge-patch+json" and not built_in:
        raise Refusal(415, "strategic merge patches are for built-in kinds: send application/merge-patch+json")
    if content_type not in _PATCHERS:
        expected = ", ".join(_PATCHERS)
        raise Refusal(415, f"the body of the request was in an unknown format {content_type!r}: expected {expected}")
    return _PATCHERS[content_type]


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
    """Strategic merge, directives included."""
    if not isinstance(patch, Mapping):
        raise Refusal(400, "a strategic merge patch is a JSON object")
    return strategic_merge(document, _spelt_out(document, patch))


def json_patch(document: Json, operations: Any) -> Any:
    """RFC 6902: all operations in order, or none.

    Raises:
        Refusal: 422, an operation does not fit the object, as the API server answers.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, Mapping) for operation in operations):
        raise Refusal(400, "a JSON patch is a list of operations")
    patched: Any = copy.deepcopy(document)
    for operation in operations:
        try:
            patched = _operate(patched, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            shown = f"{operation.get('op')} {operation.get('path')}"
            raise Refusal(
                422, f"the server rejected our request due to an error in our request: {shown}: {error}"
            ) from None
    return patched


_PATCHERS: Mapping[str, Patcher] = {
    "application/json-patch+json": json_patch,
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic,
}


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
