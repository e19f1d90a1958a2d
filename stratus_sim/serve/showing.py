"""Objects as this server returns them: rendered as everywhere here, completed to what strict clients insist on.

kubectl dereferences `spec.replicas`, looks owners up by uid and decodes Secrets; the official Python client refuses
objects without the fields the API reference calls required.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from stratus_sim.cluster import root_ca
from stratus_sim.cluster.correlator import mark_of
from stratus_sim.cluster.objects import EventRecord, ObjectKey, Resource, uuid_of
from stratus_sim.manifests.kinds import SERVED
from stratus_sim.serve.calendar import Calendar
from stratus_sim.serve.kinds import Kind
from stratus_sim.telemetry import render_endpoints
from stratus_sim.telemetry.chronicle import chronicle
from stratus_sim.telemetry.completing import LAST_APPLIED, completed
from stratus_sim.telemetry.render import REDACTED, Json, plain, timestamp
from stratus_sim.telemetry.render_namespaces import undeclared
from stratus_sim.telemetry.reporters import component

if TYPE_CHECKING:
    from stratus_sim.world import World


Rows = list[Json]
Events = list[EventRecord]


class View:
    """A world as the API shows it now. Values of Secrets are redacted unless `show_secrets`."""

    def __init__(self, world: World, calendar: Calendar | None = None, *, show_secrets: bool = False) -> None:
        self.world = world
        self.calendar = calendar or Calendar(world)
        self.show_secrets = show_secrets

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """One object, None when there is none."""
        if kind.name in ("Event", render_endpoints.KIND) and kind.built_in:
            return next((e for e in self.list(kind, namespace) if e["metadata"]["name"] == name), None)
        found = root_ca.find(self.world, ObjectKey(kind.name, namespace, name))
        if found is not None:
            return under(kind, self.show(found))
        return self._undeclared().get(name) if kind.name == "Namespace" else None

    def list(self, kind: Kind, namespace: str | None = None) -> Rows:
        """The objects of a kind in order of namespace and name; Events in order of time."""
        if kind.name == "Event" and kind.built_in:
            return [self.show_event(e) for e in self.events() if namespace in (None, _home(e))]
        shown = [under(kind, self.show(item)) for item in root_ca.listed(self.world, kind.name, namespace)]
        if kind.name == render_endpoints.KIND and kind.built_in:
            shown += [self.calendar.date(item) for item in render_endpoints.derived(self.world, namespace)]
        elif kind.name == "Namespace":
            shown += self._undeclared().values()
        else:
            return shown
        return sorted(shown, key=_place)

    def show(self, resource: Resource) -> Json:
        """One stored object."""
        body = completed(self.world, resource)
        body["apiVersion"] = SERVED.get(resource.key.kind, body["apiVersion"])
        if resource.owner is not None:
            self._own(body["metadata"], resource.owner)
        if resource.key.kind == "Secret":
            self._secret(body, resource)
        return self._dated(resource, body)

    def fork(self) -> View:
        """The same view of a fork of the world."""
        return View(self.world.fork(), self.calendar, show_secrets=self.show_secrets)

    def events(self) -> Events:
        """What happened, oldest first."""
        return chronicle(self.world)

    def show_event(self, event: EventRecord) -> Json:
        """An Event as core/v1 has it; its name follows from what it says."""
        about, found = event.involved, self.world.store.get(event.involved)
        involved = {"kind": about.kind, "name": about.name, "apiVersion": SERVED.get(about.kind, "v1")}
        if about.namespace:
            involved["namespace"] = about.namespace
        if found is not None and found.created_us <= event.last_us:
            involved["uid"] = uuid_of(found.uid)
        key = event_key(event)
        metadata = {
            "name": key.name, "namespace": key.namespace, "uid": uuid_of(str(key)),
            "resourceVersion": str(self.world.store.state.version), "creationTimestamp": timestamp(event.first_us),
        }  # fmt: skip
        metadata, dated = self.calendar.date({"metadata": metadata})["metadata"], self.calendar.dated
        return {
            "kind": "Event", "apiVersion": "v1", "metadata": metadata, "involvedObject": involved,
            "type": event.type, "reason": event.reason, "message": event.message, "count": event.count,
            "firstTimestamp": dated(timestamp(event.first_us)), "lastTimestamp": dated(timestamp(event.last_us)),
            "source": {"component": component(event)}, "reportingComponent": component(event),
            "reportingInstance": "",
        }  # fmt: skip

    def _dated(self, resource: Resource, body: Json) -> Json:
        """The status of an object no controller here has a status for is a user's, and stays."""
        if resource.status is None and resource.key.kind != "Namespace":
            return {**body, **self.calendar.date({"metadata": body["metadata"]})}
        return self.calendar.date(body)

    def _own(self, metadata: Json, owner: ObjectKey) -> None:
        found = self.world.store.get(owner)
        for reference in metadata["ownerReferences"]:
            reference |= {"uid": uuid_of(found.uid) if found is not None else "", "blockOwnerDeletion": True}

    def _secret(self, body: Json, secret: Resource) -> None:
        values = secret_data(secret.manifest)
        body.pop("stringData", None)
        if values:
            body["data"] = dict(values) if self.show_secrets else dict.fromkeys(values, _encoded(REDACTED))
        noted = plain((secret.manifest.get("metadata") or {}).get("annotations") or {})
        shown = {k: v for k, v in noted.items() if self.show_secrets or k != LAST_APPLIED}
        if shown:
            body["metadata"]["annotations"] = shown

    def _undeclared(self) -> dict[str, Json]:
        return {name: self.calendar.date(body) for name, body in undeclared(self.world).items()}


def under(kind: Kind, body: Json) -> Json:
    """The object under the version it was asked for."""
    return body if body["apiVersion"] == kind.api_version else {**body, "apiVersion": kind.api_version}


def event_key(event: EventRecord) -> ObjectKey:
    """The identity an Event is served under."""
    mark = blake2b("|".join(map(str, mark_of(event))).encode(), digest_size=8).hexdigest()
    return ObjectKey("Event", _home(event), f"{event.involved.name}.{mark}")


def secret_data(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """The values of a Secret in base64; `stringData` wins, as on the API server."""
    texts = {k: _encoded(str(v)) for k, v in (manifest.get("stringData") or {}).items() if v is not None}
    return {**{k: str(v) for k, v in (manifest.get("data") or {}).items() if v is not None}, **texts}


def _place(shown: Json) -> tuple[str, str]:
    return str(shown["metadata"].get("namespace", "")), str(shown["metadata"]["name"])


def _home(event: EventRecord) -> str:
    return event.involved.namespace or "default"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
