"""Strategic merge patch, for the lists agents patch.

Source: kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch. Lists of objects are
merged by the first merge key all items have; other lists are replaced; null deletes a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "ip")


def strategic_merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A new document; neither argument is changed, unchanged parts are shared."""
    merged = dict(document)
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), change)
    return merged


def _merge(old: Any, change: Any) -> Any:
    if isinstance(change, Mapping):
        return strategic_merge(old if isinstance(old, Mapping) else {}, change)
    if isinstance(change, list) and isinstance(old, list):
        merge_key = _merge_key([*old, *change])
        return _merge_list(old, change, merge_key) if merge_key else change
    return change


def _merge_key(items: list[Any]) -> str | None:
    mappings = [item for item in items if isinstance(item, Mapping)]
    if not items or len(mappings) < len(items):
        return None
    return next((key for key in _MERGE_KEYS if all(key in item for item in mappings)), None)


def _merge_list(old: list[Any], change: list[Any], merge_key: str) -> list[Any]:
    patches = {item[merge_key]: item for item in change}
    kept = [item for item in old if patches.get(item[merge_key], {}).get("$patch") != "delete"]
    merged = [strategic_merge(i, patches[i[merge_key]]) if i[merge_key] in patches else i for i in kept]
    present = {item[merge_key] for item in old}
    new = [item for item in change if item[merge_key] not in present and item.get("$patch") != "delete"]
    return merged + [strategic_merge({}, item) for item in new]
