"""Strategic merge patch: what kubectl sends for the kinds that Kubernetes brings along.

Follows kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch and, for the directives
kubectl writes, community/contributors/devel/sig-api-machinery/strategic-merge-patch.md: null deletes a field, maps
merge, lists merge or are replaced, as `merge_keys` tells. Results are those of k8s.io/apimachinery 1.33, without what
no type has a field for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_sim.cluster.merge_keys import PLAIN, REPLACED, merge_key
from stratus_sim.cluster.merge_lists import (
    MARK,
    Items,
    alike,
    arranged,
    has_mark,
    identity,
    in_order,
    listed,
    refilled,
    sorted_out,
)
from stratus_sim.cluster.patch_errors import Malformed, Unmergeable, go_text

Json = dict[str, Any]
_RETAIN, _ORDER, _DROP = "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """A new document; neither argument is changed, unchanged parts are shared.

    Raises:
        PatchError: items of a list cannot be told apart (Unmergeable), or a directive is none (Malformed).
    """
    replaced = REPLACED.get(str(document.get("kind")), "")
    live, spec = document.get("spec"), patch.get("spec")
    if replaced and isinstance(live, Mapping) and isinstance(spec, Mapping) and spec.get(replaced) is not None:
        document = {**document, "spec": {name: value for name, value in live.items() if name != replaced}}
    return _merge_map(document, patch, "")


def _merge_map(live: Mapping[str, Any], patch: Mapping[str, Any], around: str) -> Json:
    """`around` is the field the map stands in, or the list."""
    if MARK in patch:
        return _marked(patch)
    merged = _retained(live, patch)
    for field, change in patch.items():
        if not _is_directive(field):
            _merge_field(merged, field, change, around)
    for directive, given in patch.items():
        if directive.startswith(_ORDER):
            _reorder(merged, directive.removeprefix(_ORDER), listed(given, "setElementOrder list"), live, patch, around)
    for directive, given in patch.items():
        field = directive.removeprefix(_DROP)
        if field != directive and isinstance(merged.get(field), list):
            gone = listed(given, "primitive list")
            merged[field] = [item for item in merged[field] if item not in gone]
    return merged


def _merge_field(merged: Json, field: str, change: Any, around: str) -> None:
    live = merged.get(field)
    if change is None:
        merged.pop(field, None)
    elif isinstance(change, Mapping) and isinstance(live, Mapping):
        merged[field] = _merge_map(live, change, field)
    elif isinstance(change, list) and isinstance(live, list):
        merged[field] = _merge_list(live, change, field, merge_key(around, field))
    elif has_mark(change):
        merged.pop(field, None)
    else:
        merged[field] = plain(change, marked=False)


def _merge_list(live: Items, change: Items, field: str, key: str | None) -> Items:
    if key is None or not (live or change):
        return [plain(item) for item in change]
    alike([*live, *change], key)
    wanted, gone, anew = sorted_out(change, key)
    if anew:
        return arranged([plain(item) for item in wanted], [], wanted, key)
    kept = [item for item in live if identity(item, key) not in gone]
    items = [*dict.fromkeys([*kept, *wanted])] if key == PLAIN else _merge_items(kept, wanted, field, key)
    return arranged(items, wanted, kept, key)


def _merge_items(live: Items, change: Items, field: str, key: str) -> Items:
    """Of items with the same key the first is meant."""
    merged, places = list(live), {identity(item, key): n for n, item in reversed([*enumerate(live)])}
    for item in change:
        place = places.setdefault(identity(item, key), len(merged))
        if place < len(merged):
            merged[place] = _merge_map(merged[place], item, field)
        else:
            merged.append(plain(item))
    return merged


def _reorder(
    merged: Json, field: str, wanted: Items, live: Mapping[str, Any], patch: Mapping[str, Any], around: str
) -> None:
    key = merge_key(around, field)
    if key is not None and isinstance(merged.get(field), list):
        in_order(wanted, patch.get(field) or [], key)
        merged[field] = arranged(merged[field], wanted, refilled(live.get(field) or [], merged[field], key), key)


def _marked(patch: Mapping[str, Any]) -> Json:
    match patch[MARK]:
        case "replace":
            return {name: plain(value) for name, value in patch.items() if _kept(name, value)}
        case "delete":
            return {}
    raise Unmergeable(f"unknown patch type: {go_text(patch[MARK])} in map: {go_text(patch)}")


def _retained(live: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """What stays of a map whose patch may list all it is to have."""
    if _RETAIN not in patch:
        return dict(live)
    names = listed(patch[_RETAIN], "retainKeys")
    if any(value is not None and name not in names for name, value in patch.items() if not _is_directive(name)):
        raise Malformed("invalid patch format of retainKeys")
    return {name: value for name, value in live.items() if name in names}


def plain(value: Any, *, marked: bool = True) -> Any:
    """What is stored of a value there was nothing to merge with; without maps that are `marked`, unless they stay."""
    if isinstance(value, Mapping):
        inner = {name: one for name, one in value.items() if _kept(name, one) and (marked or not has_mark(one))}
        return {name: plain(one, marked=marked) for name, one in inner.items()}
    if isinstance(value, list):
        return [plain(one, marked=marked) for one in value if marked or not has_mark(one)]
    return value


def _kept(name: str, value: Any) -> bool:
    return value is not None and not _is_directive(name)


def _is_directive(name: str) -> bool:
    return name in (MARK, _RETAIN) or name.startswith((_ORDER, _DROP))
