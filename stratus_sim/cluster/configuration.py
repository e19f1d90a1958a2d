"""Configuration as a flat map of fields: what transactions journal, compare and restore.

A *field* is an object and a path into its manifest; its *value* is a scalar, or ABSENT. Lists whose items all
have a distinct `name` are keyed by it, as strategic merge does, beside one field with the order of the names;
other lists are one value. `flatten` and `unflatten` are inverse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from stratus_sim.cluster.objects import Manifest, ObjectKey, Resource

Path = tuple[str, ...]
Value = Any
ABSENT: Final = ("absent", ())
"""Stands for a field that is not set: no frozen JSON value, and no list of names, is like it."""
_ORDER: Final = "[]"
_EMPTY: Final = "{}"
_ESCAPE: Final = "\\"
_BOOLEANS: Final = {True: ("true", ()), False: ("false", ())}
"""Python holds True and 1 for equal; JSON does not."""

NOT_CONFIGURATION = frozenset({"EndpointSlice", "Lease", "Event"})
"""Kinds controllers write, or that hold the lock: environment, not configuration."""


class Field(NamedTuple):
    """One writable field of the cluster."""

    object: ObjectKey
    path: Path

    def __str__(self) -> str:
        return f"{self.object}: {'.'.join(self.path)}"


def is_configuration(resource: Resource) -> bool:
    """Whether an agent may be held to account for this object's manifest."""
    return resource.owner is None and not resource.made and resource.key.kind not in NOT_CONFIGURATION


def flatten(manifest: Manifest | None) -> dict[Path, Value]:
    """The fields of a manifest without its status, by path; {} for None."""
    if manifest is None:
        return {}
    return dict(_walk({k: v for k, v in manifest.items() if k != "status"}, ()))


def unflatten(fields: Mapping[Path, Value]) -> dict[str, Any] | None:
    """The manifest with just these fields, None when there are none."""
    if not fields:
        return None
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = _Leaf(fields[path])
    built: dict[str, Any] = _build(tree)
    return built


def difference(before: Manifest | None, after: Manifest | None) -> dict[Path, tuple[Value, Value]]:
    """The fields in which two versions of one object differ: path -> (before, after)."""
    old, new = flatten(before), flatten(after)
    paths = sorted(old.keys() | new.keys())
    pairs = {path: (old.get(path, ABSENT), new.get(path, ABSENT)) for path in paths}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


class _Leaf(NamedTuple):
    value: Value


def _walk(node: Any, path: Path) -> Iterator[tuple[Path, Value]]:
    if isinstance(node, Mapping):
        yield from _walk_mapping(node, path)
    elif isinstance(node, list) and _named(node):
        yield (*path, _ORDER), tuple(item["name"] for item in node)
        for item in node:
            yield from _walk_mapping(item, (*path, f"[{item['name']}]"))
    else:
        yield path, freeze(node)


def _walk_mapping(node: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Value]]:
    if not node:
        yield (*path, _EMPTY), True
    for key, value in node.items():
        yield from _walk(value, (*path, _escaped(str(key))))


def _escaped(key: str) -> str:
    """A mapping's own key, told from the marks this module puts into paths."""
    return _ESCAPE + key if key[:1] in ("[", "{", _ESCAPE) else key


def _named(items: list[Any]) -> bool:
    names = [item.get("name") for item in items if isinstance(item, Mapping)]
    return bool(items) and len(names) == len(items) == len({n for n in names if isinstance(n, str) and n})


def freeze(value: Any) -> Value:
    """A hashable, immutable twin of a JSON value."""
    if isinstance(value, Mapping):
        return ("{}", *((k, freeze(v)) for k, v in sorted(value.items())))
    if isinstance(value, list):
        return ("[]", *(freeze(item) for item in value))
    return _BOOLEANS[value] if isinstance(value, bool) else value


def thaw(value: Value) -> Any:
    """The JSON value a frozen one stands for."""
    if isinstance(value, tuple) and value and value[0] == "{}":
        return {k: thaw(v) for k, v in value[1:]}
    if isinstance(value, (tuple, list)) and value and value[0] == "[]":
        return [thaw(item) for item in value[1:]]
    return next((boolean for boolean, frozen in _BOOLEANS.items() if value == frozen), value)


def shown(value: Value) -> str:
    """A value as people read it."""
    if value == ABSENT:
        return "<absent>"
    plain = thaw(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _build(node: Any) -> Any:
    if isinstance(node, _Leaf):
        return thaw(node.value)
    if _ORDER in node:
        names = list(node[_ORDER].value)
        known = [n for n in names if f"[{n}]" in node]
        extra = [key[1:-1] for key in node if key != _ORDER and key[1:-1] not in names]
        return [_build(node[f"[{name}]"]) for name in known + extra]
    return {key.removeprefix(_ESCAPE): _build(child) for key, child in node.items() if key != _EMPTY}
