"""What `kubectl apply` makes of an object: a merge of three, of what it was given last and now, and what there is.

Follows kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config ("How apply calculates differences and
merges changes"): what was given last and is not now goes, what is given now is set, and the rest stays. Results are
those of k8s.io/apimachinery 1.33; lists merge as `merge_keys` tells, and of items with the same key, as ports of two
protocols, the nth is the nth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from stratus_sim.cluster.merge import plain
from stratus_sim.cluster.merge_keys import PLAIN, is_retained, merge_key
from stratus_sim.cluster.merge_lists import Items, alike, arranged, identity, refilled

Json = dict[str, Any]
_NOTHING: Any = object()


def applied(last: Mapping[str, Any], wanted: Mapping[str, Any], live: Mapping[str, Any], *, keyed: bool) -> Json:
    """The object after `wanted` was applied to it; `keyed` says that its kind is one whose lists merge.

    Raises:
        Unmergeable: items of a list cannot be told apart.
    """
    return _map(last, wanted, live, "" if keyed else None)


def _map(last: Any, wanted: Mapping[str, Any], live: Mapping[str, Any], around: str | None) -> Json:
    """`around` is the field the map stands in, or the list; None where no list merges."""
    last = last if isinstance(last, Mapping) else {}
    merged = {field: value for field, value in live.items() if field in wanted or field not in last}
    for field, value in wanted.items():
        merged[field] = _value(last.get(field), value, live.get(field, _NOTHING), field, around)
    return {field: value for field, value in merged.items() if wanted.get(field, _NOTHING) is not None}


def _value(last: Any, wanted: Any, live: Any, field: str, around: str | None) -> Any:
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        merged = _map(last, wanted, live, field if around is not None else None)
        return _only(merged, wanted) if is_retained(around, field) else merged
    key = merge_key(around, field) if around is not None else None
    if key is not None and isinstance(wanted, list) and isinstance(live, list) and (wanted or live):
        return _list(last if isinstance(last, list) else [], wanted, live, field, key, is_retained(around, field))
    return plain(wanted)


def _list(last: Items, wanted: Items, live: Items, field: str, key: str, retained: bool) -> Items:
    alike([*last, *wanted, *live], key)
    before, now, there = (_numbered(items, key) for items in (last, wanted, live))
    merged = {place: item for place, item in there.items() if place in now or place not in before}
    for place, item in now.items():
        found = there.get(place, _NOTHING)
        merged[place] = (
            plain(item) if key == PLAIN or found is _NOTHING else _map(before.get(place), item, found, field)
        )
        if retained:
            merged[place] = _only(merged[place], item)
    items = list(merged.values())
    return arranged(items, wanted, refilled(live, items, key), key)


def _only(merged: Json, wanted: Mapping[str, Any]) -> Json:
    """Of a map whose fields exclude each other, as the kinds of a volume do."""
    return {field: value for field, value in merged.items() if field in wanted}


def _numbered(items: Iterable[Any], key: str) -> dict[tuple[Any, int], Any]:
    seen: Counter[Any] = Counter()
    numbered = {}
    for item in items:
        name = identity(item, key)
        numbered[name, seen[name]] = item
        seen[name] += 1
    return numbered
