"""Single writes to an API server, each against the version it was decided on; a dry run is the same request."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stratus_sim.adapters.kubernetes.connection import MANAGER, MERGE_PATCH, Connection, Refused
from stratus_sim.adapters.kubernetes.kinds import Served
from stratus_sim.adapters.kubernetes.listing import version_of
from stratus_sim.adapters.kubernetes.live import FENCE, Json, configured
from stratus_sim.cluster.actions import InvalidAction
from stratus_sim.cluster.configuration import difference
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.telemetry.render import REDACTED


class Conflict(Exception):
    """Somebody wrote the object since it was read; nothing was written now."""


class Denied(InvalidAction):
    """The server knows us and does not let us."""


class Writer:
    """Creates, patches and deletes. What is sent is the difference only, so what was not read is not written."""

    def __init__(self, connection: Connection, served: Mapping[str, Served]) -> None:
        self._connection, self._served = connection, served

    def write(self, key: ObjectKey, before: Json | None, after: Json | None, *, dry_run: bool = False) -> Json | None:
        """Make `after` (configuration, None for a deletion) of the object read as `before`; the object as it is then.

        Raises:
            Conflict: the object is not the one read any more.
            Denied, InvalidAction: the server refuses it; nothing was written.
            UserError: it is not known whether it was written.
        """
        refuse_unreadable(key, before, after)
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        try:
            return self._sent(self._kind(key), key, before, after, query)
        except Refused as refused:
            raise self._problem(key, refused, known=before is not None) from None

    def touch(self, key: ObjectKey) -> None:
        """Move an object to a new version and leave it as it was, so that a write decided on the old one is refused.

        Nothing happens where there is no object, or none we may patch: what may not be patched now cannot be later.
        The server takes no notice of a patch that changes nothing; hence a mark, and its removal.

        Raises:
            UserError: it is not known whether it was moved.
        """
        try:
            for mark in ("moved", None):
                patch = {"metadata": {"annotations": {FENCE: mark}}}
                query = {"fieldManager": MANAGER}
                self._connection.send("PATCH", self._kind(key).of(key), patch, query=query, content_type=MERGE_PATCH)
        except Refused as refused:
            if refused.status not in (403, 404, 405):
                raise UserError(f"{key}: {refused.message}: it could not be fenced; recover once more") from None

    def _sent(
        self, served: Served, key: ObjectKey, before: Json | None, after: Json | None, query: dict[str, str]
    ) -> Json | None:
        if after is None:
            if before is None:
                return None
            self._connection.send("DELETE", served.of(key), _delete_options(before, query), query=query)
            return None
        if before is None:
            found = self._connection.send("POST", served.path(key.namespace), after, query=query)
        else:
            patch = merge_patch(configured(before), after)
            if not patch:
                return before
            patch.setdefault("metadata", {})["resourceVersion"] = version_of(before)
            found = self._connection.send("PATCH", served.of(key), patch, query=query, content_type=MERGE_PATCH)
        return {**found, "kind": served.kind, "apiVersion": served.api_version}

    def _kind(self, key: ObjectKey) -> Served:
        if key.kind not in self._served:
            raise InvalidAction(f"{key}: this server serves no such kind, or the plan did not name it")
        return self._served[key.kind]

    def _problem(self, key: ObjectKey, refused: Refused, *, known: bool) -> Exception:
        """`known`: the object was read before, so that one which is not there has been deleted since."""
        if (refused.status == 409 and refused.reason != "AlreadyExists") or (refused.status == 404 and known):
            return Conflict(refused.message)
        if refused.status in (403, 405):
            return Denied(f"{key}: the API server does not allow it: {refused.message}")
        if refused.status == 429 or refused.status >= 500:
            return UserError(f"{self._connection.url}: {key}: {refused.message} (HTTP {refused.status})")
        return InvalidAction(f"{key}: {refused.message}")


def _delete_options(before: Json, query: Mapping[str, str]) -> Json:
    metadata = before["metadata"]
    preconditions = {"uid": metadata.get("uid"), "resourceVersion": metadata.get("resourceVersion")}
    options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
    return options | {"propagationPolicy": "Background"} | ({"dryRun": ["All"]} if "dryRun" in query else {})


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7386) that makes `after` of `before`; {} when they are equal."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            inner = merge_patch(old, value)
            if inner:
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch


_HIDDEN = (REDACTED, base64.b64encode(REDACTED.encode()).decode())


def refuse_unreadable(key: ObjectKey, before: Json | None, after: Json | None) -> None:
    """What the server does not show cannot be put back. Raises InvalidAction for a write that would lose it."""
    changed = difference(configured(before) if before else None, after)
    if key.kind == "Node" and any(path[:2] == ("spec", "taints") for path in changed):
        raise InvalidAction(f"{key}: taints are the control plane's as well: cordon the node instead")
    if key.kind != "Secret" or before is None:
        return
    lost = [".".join(path) for path, (old, _) in changed.items() if old in _HIDDEN]
    if lost:
        raise InvalidAction(f"{key}: {lost[0]} is redacted by the server, so it could not be put back")
