"""Which writes were somebody else's: everything that happened, less what we did ourselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_sim.adapters.kubernetes.listing import Event, Listing, Objects, version_of
from stratus_sim.adapters.kubernetes.live import Json, configured, is_configured
from stratus_sim.cluster.configuration import Field, Value, difference
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.transaction.ledger import UNKNOWN_WRITER

Fields = Mapping[Field, Value]


class Own:
    """Our writes since the latest reading: for each object what the server answered, None for a deletion."""

    def __init__(self) -> None:
        self._answers: dict[ObjectKey, Json | None] = {}
        self._deleted: set[str] = set()

    def wrote(self, key: ObjectKey, found: Json) -> None:
        self._answers[key] = found

    def deleted(self, key: ObjectKey, found: Json) -> None:
        self._answers[key] = None
        self._deleted.add(str(found["metadata"].get("uid", "")))

    def included(self, event: Event) -> bool:
        """Whether our write happened by this event, in it or before it.

        Versions are compared as numbers, which they are (KEP-5504): a server may tell of several writes at once.
        """
        if event.key not in self._answers:
            return False
        answer = self._answers[event.key]
        if answer is None:
            return event.deleted and str(event.found["metadata"].get("uid", "")) in self._deleted
        return int(event.version) >= int(version_of(answer))

    def take(self, key: ObjectKey) -> Json | None:
        """What our write made of an object; it is accounted for from now on."""
        return self._answers.pop(key)


class _Account:
    """One object through its versions: what others did to it so far."""

    def __init__(self, key: ObjectKey, found: Json | None) -> None:
        self.key = key
        self.fields: list[tuple[str, Fields]] = []
        self._now = self._base = found

    def ours(self, after: Json | None) -> None:
        """We wrote, once between two readings. What others had done and taken back before is no change: that write
        was decided on what was read again."""
        net = changed(self.key, self._base, self._now)
        self.fields = [(UNKNOWN_WRITER, net)] if net else []
        self._now = after

    def others(self, writer: str, after: Json | None) -> None:
        fields = changed(self.key, self._now, after)
        if fields:
            self.fields.append((writer, fields))
        self._now = after


def told(earlier: Objects, events: list[Event], own: Own) -> Iterator[tuple[str, Fields]]:
    """(writer, fields) of each write others made, by what a watch told.

    Every version counts, so a field that was changed and changed back was written.
    """
    accounts: dict[ObjectKey, _Account] = {}
    for event in events:
        account = accounts.setdefault(event.key, _Account(event.key, earlier.get(event.key)))
        if own.included(event):
            account.ours(own.take(event.key))
        account.others(writer_of(event.found), None if event.deleted else event.found)
    for account in accounts.values():
        yield from account.fields


def compared(ours: Objects, later: Listing) -> Iterator[tuple[str, Fields]]:
    """The same from two readings alone: what was changed and changed back in between is not seen."""
    for key in sorted({*ours, *later.objects}):
        before, after = ours.get(key), later.objects.get(key)
        fields = changed(key, before, after)
        if fields:
            yield writer_of(after) if after else UNKNOWN_WRITER, fields


def changed(key: ObjectKey, before: Json | None, after: Json | None) -> Fields:
    """The configuration fields in which two versions of an object differ, with their new values."""
    pair = [configured(found) if found and is_configured(found) else None for found in (before, after)]
    return {Field(key, path): new for path, (_, new) in difference(pair[0], pair[1]).items()}


def writer_of(found: Json) -> str:
    """Who wrote configuration last, as far as the server says (managedFields)."""
    entries = [e for e in found["metadata"].get("managedFields") or () if not e.get("subresource")]
    latest: Json = max(entries, key=lambda e: str(e.get("time", "")), default={})
    return str(latest.get("manager") or UNKNOWN_WRITER)
