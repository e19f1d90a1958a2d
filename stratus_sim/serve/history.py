"""What watchers are told: the differences between one reading of the world and the next.

Controllers write to the store without knowing that anybody watches. As every object is immutable, two readings are
compared by identity; nothing is missed, however the change came about.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from immutables import Map

from stratus_sim.cluster.correlator import Mark, recent
from stratus_sim.cluster.objects import EventRecord, ObjectKey, Resource
from stratus_sim.serve.answers import Refusal
from stratus_sim.serve.derived import Derived
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.selecting import Test
from stratus_sim.serve.showing import View, under
from stratus_sim.telemetry.render import Json

KEPT = 4096
"""Changes that can still be asked for; who comes later than that reads the list again (410 Expired)."""


class Change(NamedTuple):
    """One change of one object; `old` is None for a creation, `new` for a deletion."""

    version: int
    kind: str
    old: Json | None
    new: Json | None


class History:
    """The latest changes of a world. `changed` is notified of new ones; its lock guards the world as well."""

    def __init__(self, view: View) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._view = view
        self._changes: deque[Change] = deque(maxlen=KEPT)
        self._count = 0
        self._floor = view.world.store.state.version
        self._derived = Derived(view)
        self._read()

    @property
    def version(self) -> int:
        """The resourceVersion of a list read now."""
        return self._version

    @property
    def count(self) -> int:
        """How many changes there have been; a position to wait from."""
        return self._count

    def capture(self) -> None:
        """Note what has changed since the last call."""
        with self.changed:
            self._capture()

    def _capture(self) -> None:
        world = self._view.world
        if world.store.state.version == self._version and world.cluster.events is self._emitted:
            return
        stored = [*self._objects_changed(world.store.state.objects)]
        derived = self._derived.changed({_key(change) for change in stored})
        found = [*stored, *(Change(world.store.state.version, *one) for one in derived)]
        found += self._events_changed(recent(world))
        for change in sorted(found, key=_order):
            if len(self._changes) == KEPT:
                self._floor = self._changes[0].version
            self._changes.append(change)
        self._count += len(found)
        self._read()
        self.changed.notify_all()

    def position(self, version: int) -> int:
        """Where the changes after a resourceVersion begin.

        Raises:
            Refusal: 410, some of them are forgotten; 504, that version is yet to come.
        """
        if version < self._floor:
            raise Refusal(410, f"too old resource version: {version} ({self._floor})")
        if version > self._version:
            raise Refusal(504, f"Too large resource version: {version}, current: {self._version}")
        return self._count - sum(change.version > version for change in self._changes)

    def since(self, position: int) -> list[Change]:
        """The changes from a position on.

        Raises:
            Refusal: 410, some of them are forgotten.
        """
        first = self._count - len(self._changes)
        if position < first:
            raise Refusal(410, "the watcher is too slow: changes it has not seen are forgotten")
        return list(islice(self._changes, position - first, None))

    def _read(self) -> None:
        world = self._view.world
        self._version: int = world.store.state.version
        self._objects: Map[ObjectKey, Resource] = world.store.state.objects
        self._emitted: Map[Any, EventRecord] = world.cluster.events
        self._events = recent(world)

    def _objects_changed(self, now: Mapping[ObjectKey, Resource]) -> Iterator[Change]:
        before, show = self._objects, self._view.show
        for key, new in now.items():
            old = before.get(key)
            if old is new:
                continue
            if old is not None and old.uid != new.uid:
                yield Change(new.version - 1, key.kind, show(old), None)
                old = None
            yield Change(new.version, key.kind, show(old) if old is not None else None, show(new))
        for key, old in before.items():
            if key not in now:
                yield Change(self._view.world.store.state.version, key.kind, show(old), None)

    def _events_changed(self, now: Mapping[Mark, EventRecord]) -> Iterator[Change]:
        version, show = self._view.world.store.state.version, self._view.show_event
        for mark in [*now, *(gone for gone in self._events if gone not in now)]:
            old, new = self._events.get(mark), now.get(mark)
            if old != new:
                yield Change(version, "Event", show(old) if old is not None else None, show(new) if new else None)


def told(change: Change, kind: Kind, namespace: str | None, test: Test) -> Json | None:
    """The watch event a change is for somebody who selects; None when it is none of their business.

    What begins to match is ADDED to them, what ceases to match is DELETED.
    """
    if change.kind != kind.name:
        return None
    before, after = _seen(change.old, namespace, test), _seen(change.new, namespace, test)
    if before is None and after is None:
        return None
    what = "DELETED" if after is None else "ADDED" if before is None else "MODIFIED"
    body = after if after is not None else (change.new if change.new is not None else before)
    return {"type": what, "object": _at_version(under(kind, body or {}), change.version)}


def _seen(body: Json | None, namespace: str | None, test: Test) -> Json | None:
    if body is None or (namespace is not None and body["metadata"].get("namespace") != namespace):
        return None
    return body if test(body) else None


def _at_version(body: Json, version: int) -> Json:
    return {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}


def _key(change: Change) -> ObjectKey:
    metadata = (change.new or change.old or {})["metadata"]
    return ObjectKey(change.kind, metadata.get("namespace", ""), metadata["name"])


def _order(change: Change) -> tuple[int, str, str]:
    body = change.new or change.old or {}
    return change.version, body["metadata"].get("namespace", ""), body["metadata"]["name"]
