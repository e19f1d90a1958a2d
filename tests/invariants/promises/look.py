"""One instant of a world beside the one before: what promises are told by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from immutables import Map

from stratus_sim.cluster import pods
from stratus_sim.cluster.objects import EventRecord, ObjectKey, Resource
from stratus_sim.world import World

Objects = Map[ObjectKey, Resource]
Pair = tuple[Resource | None, Resource | None]
Marks = Map[Any, EventRecord]


class Look(NamedTuple):
    """What changed between two instants: `pairs` of an object before and now, `said` the events since.

    `by_user` says that it was no controller's doing, `settled` that controllers have had their say.
    """

    world: World
    before: Objects
    pairs: tuple[Pair, ...]
    said: tuple[EventRecord, ...]
    forgotten: tuple[EventRecord, ...]
    by_user: bool
    settled: bool

    def of(self, kind: str) -> Iterator[Pair]:
        """The changes of one kind."""
        return (pair for pair in self.pairs if (pair[1] or pair[0]).key.kind == kind)

    def made(self, *kinds: str) -> Iterator[Resource]:
        """What is new of some kinds, or of any; of the same name as another before it, too."""
        for old, new in self.pairs:
            if new is not None and (old is None or old.uid != new.uid) and (not kinds or new.key.kind in kinds):
                yield new

    def kept(self, *kinds: str) -> Iterator[tuple[Resource, Resource]]:
        """What was and is there, changed."""
        for old, new in self.pairs:
            if old is not None and new is not None and old.uid == new.uid and (not kinds or new.key.kind in kinds):
                yield old, new

    def gone(self, *kinds: str) -> Iterator[Resource]:
        """What is not there any more."""
        for old, new in self.pairs:
            if old is not None and (new is None or new.uid != old.uid) and (not kinds or old.key.kind in kinds):
                yield old

    def told(self, kind: str, reason: str) -> Iterator[EventRecord]:
        """What controllers said for this reason about objects of a kind."""
        return (event for event in self.said if event.involved.kind == kind and event.reason == reason)


Promise = Callable[[Look], Iterator[str]]
"""Tells what of a promise is broken."""


class Watch:
    """Looks at a world again and again; promises that remember are made anew for each history."""

    def __init__(self, world: World, promises: tuple[Any, ...]) -> None:
        self._promises: list[Promise] = [one() if isinstance(one, type) else one for one in promises]
        self._objects, self._events = world.store.state.objects, world.cluster.events

    def broken(self, world: World, *, by_user: bool = False) -> list[str]:
        """What is broken now, or was by what has happened since the last look."""
        objects, events = world.store.state.objects, world.cluster.events
        said: tuple[EventRecord, ...] = ()
        forgotten: tuple[EventRecord, ...] = ()
        if events is not self._events:
            said = tuple(event for mark, event in events.items() if self._events.get(mark) is not event)
            forgotten = tuple(event for mark, event in self._events.items() if _falls(event, events.get(mark)))
        look = Look(world, self._objects, _pairs(self._objects, objects), said, forgotten, by_user, _settled(world))
        self._objects, self._events = objects, events
        return [told for promise in self._promises for told in promise(look)]


def _pairs(before: Objects, now: Objects) -> tuple[Pair, ...]:
    if before is now:
        return ()
    changed: list[Pair] = [(before.get(key), new) for key, new in now.items() if before.get(key) is not new]
    return (*changed, *((old, None) for key, old in before.items() if key not in now))


def _settled(world: World) -> bool:
    kernel = world.kernel
    return not kernel.queued and all(timer.due_us > world.now_us for timer in kernel.timers.values())


def _falls(event: EventRecord, now: EventRecord | None) -> bool:
    return now is None or now.count < event.count or now.last_us < event.last_us


def owned_pods(world: World, owner: Resource) -> list[Resource]:
    return [pod for pod in world.store.owned(owner.key) if pod.key.kind == "Pod"]


def active_pods(world: World, owner: Resource) -> list[Resource]:
    return [pod for pod in owned_pods(world, owner) if pods.active(pod)]


def label(pod: Resource, name: str) -> str:
    return pod.labels.get(name, "")
