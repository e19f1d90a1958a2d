"""Reading a whole cluster, and what happened to it between two readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stratus_sim.adapters.kubernetes.connection import Connection, Refused, Unreachable
from stratus_sim.adapters.kubernetes.kinds import Served
from stratus_sim.adapters.kubernetes.live import Json, is_configured, live_key
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError

WATCH_S = 5
"""How long a watch may take to tell what has already happened."""

Objects = Mapping[ObjectKey, Json]


class Listing(NamedTuple):
    """Objects as they were listed, and for each kind the resourceVersion of its list.

    Kinds are listed one after another: this is one instant for each kind, not for all of them.
    """

    objects: Objects
    versions: Mapping[str, str]


class Event(NamedTuple):
    """What a watch told: the object as it was then, and whether it was deleted."""

    key: ObjectKey
    found: Json
    deleted: bool

    @property
    def version(self) -> str:
        return version_of(self.found)


class Reader:
    """Lists and watches the served kinds, in one namespace or in all."""

    def __init__(self, connection: Connection, served: Mapping[str, Served], namespace: str | None) -> None:
        self._connection, self._served, self._namespace = connection, served, namespace

    def read(self, kinds: Iterable[str] | None = None) -> Listing:
        """Everything there is, or what there is of some kinds.

        Raises:
            UserError: the server does not answer, or we may not list a kind.
        """
        objects: dict[ObjectKey, Json] = {}
        versions: dict[str, str] = {}
        for served in self._served.values() if kinds is None else [self._served[kind] for kind in kinds]:
            listed = self._list(served)
            versions[served.kind] = str((listed.get("metadata") or {}).get("resourceVersion", ""))
            for item in listed.get("items") or ():
                found = {**item, "kind": served.kind, "apiVersion": served.api_version}
                objects[live_key(found)] = found
        return Listing(objects, versions)

    def get(self, key: ObjectKey) -> Json | None:
        """One object as it is now."""
        served = self._served[key.kind]
        try:
            found = self._connection.send("GET", served.of(key))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise UserError(f"{key}: {refused.message}") from None
        return {**found, "kind": served.kind, "apiVersion": served.api_version}

    def between(self, earlier: Listing, later: Listing) -> list[Event] | None:
        """What happened to configured objects from one reading to the next, in order for each kind.

        None when the server has forgotten it.
        """
        events: list[Event] = []
        for kind, targets in _changed(earlier.objects, later.objects).items():
            told = self._watched(self._served[kind], earlier.versions[kind], targets)
            if told is None:
                return None
            events += told
        return events

    def _list(self, served: Served) -> Json:
        try:
            return self._connection.send("GET", served.path(self._namespace or ""))
        except Refused as refused:
            raise UserError(f"{self._connection.url}: may not list {served.plural}: {refused.message}") from None

    def _watched(self, served: Served, version: str, targets: Mapping[ObjectKey, str]) -> list[Event] | None:
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_S)}
        waiting, told = dict(targets), list[Event]()
        try:
            for data in self._connection.stream(served.path(self._namespace or ""), query):
                if data.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                    return None
                found = {**data["object"], "kind": served.kind, "apiVersion": served.api_version}
                event = Event(live_key(found), found, data["type"] == "DELETED")
                told.append(event)
                if event.key in waiting and waiting[event.key] == ("" if event.deleted else event.version):
                    del waiting[event.key]
                if not waiting:
                    return told
        except (Refused, Unreachable):
            return None
        return None


def version_of(found: Json) -> str:
    """The resourceVersion of an object."""
    return str(found["metadata"].get("resourceVersion", ""))


def _changed(earlier: Objects, later: Objects) -> dict[str, dict[ObjectKey, str]]:
    """By kind, the configured objects that changed and their version now, empty for one that is gone."""
    changed: dict[str, dict[ObjectKey, str]] = {}
    for key in _keys(earlier, later):
        before, after = earlier.get(key), later.get(key)
        if not is_configured(after or before or {}):
            continue
        versions = (version_of(before) if before else "", version_of(after) if after else "")
        if versions[0] != versions[1]:
            changed.setdefault(key.kind, {})[key] = versions[1]
    return changed


def _keys(earlier: Objects, later: Objects) -> Iterable[ObjectKey]:
    return sorted({*earlier, *later})
