"""Total maps: the run-time value of an array, defined on every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import immutables

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Constant(Generic[Value]):
    """A base that answers every key with the same value."""

    value: Value

    def __call__(self, _key: object) -> Value:
        return self.value


class TotalMap(Generic[Key, Value]):
    """An immutable total map: a base read on demand, and the keys that differ from it.

    `TotalMap.constant(v)` maps every key to `v`; `TotalMap.over(read)` starts as a view of `read(key)`, which
    must be pure (for example a look-up in an immutable snapshot). Keys are hashable. A value stored equal to
    the base's is forgotten, so two maps over one base are equal exactly when they agree on every key.
    """

    __slots__ = ("_base", "_changes")

    def __init__(self, base: Callable[[Key], Value], changes: immutables.Map[Key, Value] | None = None) -> None:
        self._base = base
        self._changes: immutables.Map[Key, Value] = immutables.Map() if changes is None else changes

    @classmethod
    def constant(cls, value: Value) -> TotalMap[Any, Value]:
        """The map from every key to `value`."""
        return cls(Constant(value))

    @classmethod
    def over(cls, read: Callable[[Key], Value]) -> TotalMap[Key, Value]:
        """A view of `read`; compares equal only to maps over the very same `read`."""
        return cls(read)

    def __getitem__(self, key: Key) -> Value:
        changes = self._changes
        return changes[key] if key in changes else self._base(key)

    def store(self, key: Key, value: Value) -> TotalMap[Key, Value]:
        """The same map with `key` mapped to `value`."""
        if self._base(key) != value:
            return TotalMap(self._base, self._changes.set(key, value))
        return TotalMap(self._base, self._changes.delete(key)) if key in self._changes else self

    @property
    def changes(self) -> Mapping[Key, Value]:
        """The keys whose value differs from the base's."""
        return self._changes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TotalMap):
            return NotImplemented
        return self is other or (self._base == other._base and self._changes == other._changes)

    def __hash__(self) -> int:
        return hash((TotalMap, self._changes))

    def __repr__(self) -> str:
        shown = ", ".join(sorted(f"{key}: {value}" for key, value in self._changes.items()))
        if isinstance(self._base, Constant):
            shown += f"{', ' if shown else ''}else: {self._base.value}"
        return "{" + shown + "}"
