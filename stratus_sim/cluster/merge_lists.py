"""Lists of a strategic merge patch: what an item's key is, and in which order items come.

Follows community/contributors/devel/sig-api-machinery/strategic-merge-patch.md and the design of `$setElementOrder`
("preserve order in strategic merge patch"): the order a patch gives goes before that of the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stratus_sim.cluster.merge_keys import PLAIN
from stratus_sim.cluster.patch_errors import Malformed, Unmergeable, go_text, keyless

Items = list[Any]
MARK = "$patch"


def has_mark(value: Any) -> bool:
    """Whether a value is a map that a directive says something of."""
    return isinstance(value, Mapping) and MARK in value


def identity(item: Any, key: str) -> Any:
    """What tells an item of a list apart. Raises Unmergeable where nothing does."""
    if key == PLAIN:
        return item
    if not isinstance(item, Mapping):
        raise Unmergeable(f"expected a map, but received {go_text(item)}")
    if key not in item:
        raise keyless(item, key)
    return item[key] if isinstance(item[key], (str, int, float)) else go_text(item[key])


def alike(items: Items, key: str) -> None:
    """Raise Unmergeable unless all items are of the kind a list with this key has."""
    mappings = sum(isinstance(item, Mapping) for item in items)
    if any(isinstance(item, list) for item in items):
        raise Unmergeable("lists of lists are not supported")
    if mappings not in (0, len(items)) or (key == PLAIN) != (mappings == 0):
        raise Unmergeable(f"list element types are not identical: {go_text(items)}")


def sorted_out(change: Items, key: str) -> tuple[Items, set[Any], bool]:
    """The items a patch sets, the keys it deletes, and whether it replaces the list. Raises Unmergeable."""
    marked = [item for item in change if has_mark(item)]
    for item in marked:
        if item[MARK] == "merge":
            raise Unmergeable("merging lists cannot yet be specified in the patch")
        if item[MARK] not in ("delete", "replace"):
            raise Unmergeable(f"unknown patch type: {go_text(item[MARK])} in map: {go_text(item)}")
    gone = {identity(item, key) for item in marked if item[MARK] == "delete"}
    return [item for item in change if item not in marked], gone, any(item[MARK] == "replace" for item in marked)


def arranged(items: Items, wanted: Items, live: Items, key: str) -> Items:
    """Items in the order of `wanted`; between them, those it does not name, where the order of `live` allows it."""
    first, before = _places(wanted, key), _places(live, key)
    named = sorted((i for i in items if identity(i, key) in first), key=lambda i: first[identity(i, key)])
    others = sorted((i for i in items if identity(i, key) not in first), key=lambda i: before[identity(i, key)])
    found: Items = []
    for item in named:
        place = before.get(identity(item, key), -1)
        while others and before[identity(others[0], key)] < place:
            found.append(others.pop(0))
        found.append(item)
    return found + others


def refilled(live: Items, merged: Items, key: str) -> Items:
    """A list with what is new in the places of what was deleted, as far as there are: so the API server orders it."""
    before, after = ([identity(item, key) for item in items] for items in (live, merged))
    kept = [item for item, name in zip(live, before, strict=True) if name in after]
    return [*kept, *(item for item, name in zip(merged, after, strict=True) if name not in before)][: len(live)]


def in_order(wanted: Items, change: Items, key: str) -> None:
    """Raise unless a patch names its items in the order it asks for: a `$setElementOrder` lists them all."""
    asked = iter([identity(item, key) for item in wanted])
    kept = [item for item in change if not has_mark(item)]
    if wanted and not all(any(identity(item, key) == other for other in asked) for item in kept):
        told = (
            f"The order in patch list:\n{go_text(change)}\n doesn't match $setElementOrder list:\n{go_text(wanted)}\n"
        )
        raise Unmergeable(told)


def listed(value: Any, directive: str) -> Items:
    """The list a directive stands for. Raises Malformed."""
    if not isinstance(value, list):
        raise Malformed(f"invalid patch format of {directive}")
    return value


def _places(items: Iterable[Any], key: str) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for place, item in enumerate(items):
        places.setdefault(identity(item, key), place)
    return places
