"""A real Kubernetes API behind the transaction protocol (`stratus_sim.transaction.cluster.Cluster`).

What cannot be had from an API server, and what stands in for it:

- *Without the transaction*: there is no fork of a live cluster. `shadow_severity` is the severity at the begin of the
  transaction; what the plan does was asked of the twin before.
- *Severity* counts missing or unready replicas and nodes that are not ready. Requests and alerts count 0: without a
  monitoring system nothing is known of them.
- *An instant*: kinds are listed one after another. What is written meanwhile is seen as a foreign write later.
- *Fencing*: the API server knows no tokens. A writer reads an object, then makes sure of its lease, then writes against
  the version it has read. Who takes over does it the other way round: `fence` takes the lease away, then moves every
  object the journal names to a new version, then reads. So a late write of the former holder either comes before the
  move, and is read, or is refused. A creation names no version: one that comes late is a new object of nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from stratus_sim.adapters.kubernetes.clock import Clock, WallClock
from stratus_sim.adapters.kubernetes.connection import Connection
from stratus_sim.adapters.kubernetes.foreign import Own, compared, told
from stratus_sim.adapters.kubernetes.kinds import discover
from stratus_sim.adapters.kubernetes.lease import DURATION_S, LeaseLock
from stratus_sim.adapters.kubernetes.listing import Reader
from stratus_sim.adapters.kubernetes.live import Json, configured, images_failing, images_seen, is_configured
from stratus_sim.adapters.kubernetes.mirror import mirror
from stratus_sim.adapters.kubernetes.writing import Conflict, Denied, Writer
from stratus_sim.adapters.writes import by_object, inside_catalogue, only_pod_deletion, put_back
from stratus_sim.cluster import conditions
from stratus_sim.cluster.actions import Action, InvalidAction, Write, effect, effects
from stratus_sim.cluster.configuration import ABSENT, Field, Path, Value, difference, flatten, unflatten
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application, describe
from stratus_sim.manifests.load import Manifests
from stratus_sim.telemetry.severity import Severity, components
from stratus_sim.transaction.cluster import ForeignChange, Grant, StaleToken
from stratus_sim.world import World

_WORKING = ("Node", "Deployment", "StatefulSet", "ReplicaSet", "Pod")
"""The kinds whose status says how well the system is."""

_SERVER = "api-server"
"""The writer of defaults that an object gets anew when undo has to create it again."""

_TRIES = 5
"""How often a write is tried when only status changes come in between."""


class KubernetesCluster:
    """One API server, in one namespace or in all, for one process.

    It keeps what it read last, together with what it wrote itself since; `changes` reads anew and says how that
    differs. So the configuration it shows changes only by our own writes and by changes it has told of.
    """

    def __init__(
        self, connection: Connection, namespace: str | None = None, kinds: tuple[str, ...] = (),
        clock: Clock | None = None, not_before_us: int = 0,
    ) -> None:  # fmt: skip
        """`kinds` are read beside the usual ones; time does not begin before `not_before_us`.

        Raises:
            UserError: the server does not answer, lacks a kind, or does not let us read.
        """
        served = discover(connection, kinds)
        self._clock = clock or WallClock()
        self._reader, self._writer = Reader(connection, served, namespace), Writer(connection, served)
        self._lock = LeaseLock(connection, self._clock)
        self._latest = self._reader.read()
        self._objects: dict[ObjectKey, Json] = dict(self._latest.objects)
        self._own, self._number = Own(), 0
        self._changes: list[ForeignChange] = []
        self._application = _described(list(self._objects.values()))
        self._now_us = not_before_us
        self._grant: Grant | None = None
        self._shadow: Severity | None = None
        self._begun: dict[ObjectKey, Json] = {}
        self._began = 0
        self._previewed: tuple[Action, ObjectKey, Manifest | None] | None = None
        self.denied = ""
        """What the server last refused us for want of permission."""

    @property
    def objects(self) -> list[Json]:
        """The objects as they were read last, as the server returned them."""
        return list(self._objects.values())

    @property
    def now_us(self) -> int:
        self._now_us = max(self._now_us, self._clock.now_us())
        return self._now_us

    def configuration(self) -> Callable[[Field], Value]:
        objects = dict(self._objects)
        fields = lru_cache(maxsize=None)(lambda key: _fields(objects.get(key)))
        return lambda field: fields(field.object).get(field.path, ABSENT)

    def preview(self, action: Action) -> Mapping[Field, Value]:
        key, after = self._effect(action)
        found = self._objects.get(key)
        if found is not None and not is_configured(found):
            only_pod_deletion(key, after)
            self._previewed = (action, key, None)
            return {}
        inside_catalogue(action, Write(key, configured(found) if found else None, after))
        planned = self._dry_run(key, after)
        self._previewed = (action, key, planned)
        changed = difference(configured(found) if found else None, planned)
        return {Field(key, path): new for path, (_, new) in changed.items()}

    def permitted(self, action: Action) -> bool:
        mirrored = self._mirror()
        return conditions.permitted(mirrored, action, effects(mirrored, action), self._as_begun)

    def _as_begun(self, key: ObjectKey) -> Manifest | None:
        found = self._begun.get(key)
        later = (change for change in self._changes if change.number > self._began)
        return put_back(key, configured(found) if found is not None else None, later)

    def perform(self, action: Action, grant: Grant) -> None:
        if self._previewed is None or self._previewed[0] != action:
            self.preview(action)
        assert self._previewed is not None  # noqa: S101  # `preview` sets it
        _, key, after = self._previewed
        self._lock.check(grant)
        self._insist(key, lambda: self._write(key, after), lambda: self._lock.check(grant))

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        self._lock.check(grant)
        for key, wanted in by_object(values):
            self._restore(key, wanted, grant)

    def changes(self, since: int) -> list[ForeignChange]:
        self._number = max(self._number, since)
        later = self._reader.read()
        events = self._reader.between(self._latest, later)
        found = compared(self._objects, later) if events is None else told(self._latest.objects, events, self._own)
        for writer, fields in found:
            self._number += 1
            self._changes.append(ForeignChange(self._number, writer, fields))
        self._latest, self._objects, self._own = later, dict(later.objects), Own()
        return [change for change in self._changes if change.number > since]

    def last_change(self) -> int:
        return self._number

    def acquire(self, agent: str) -> Grant | None:
        self._grant = self._lock.acquire(agent)
        return self._grant

    def release(self, grant: Grant) -> None:
        self._lock.release(grant)
        self._grant = None if self._grant == grant else self._grant

    def fence(self, grants: Collection[Grant], objects: Iterable[ObjectKey]) -> None:
        """Make sure that no write under these grants lands on these objects any more, then read everything anew.

        Raises:
            UserError: that cannot be made sure of.
        """
        self._lock.revoke(grants)
        for key in objects:
            self._writer.touch(key)
        self._latest = self._reader.read()
        self._objects, self._own = dict(self._latest.objects), Own()

    def begin_shadow(self) -> None:
        self._shadow = self.severity()
        self._begun, self._began = dict(self._objects), self._number

    def severity(self) -> Severity:
        seen = self._reader.read(_WORKING).objects.values()
        return Severity(components(mirror(seen, self._application)), 0, 0)

    def shadow_severity(self) -> Severity:
        return self._shadow if self._shadow is not None else self.severity()

    def healthy(self) -> bool:
        return self.severity().scalar == 0

    def wait(self, duration_us: int) -> None:
        """Let time pass, keeping the lease alive."""
        left_us = duration_us
        while left_us > 0:
            step_us = min(left_us, DURATION_S * SECOND_US // 4)
            self._clock.sleep(step_us)
            left_us -= step_us
            self._renew()

    def _renew(self) -> None:
        """A lease that is lost is reported by the next write."""
        if self._grant is not None:
            try:
                self._lock.check(self._grant)
            except StaleToken:
                self._grant = None

    def _mirror(self) -> World:
        return mirror(self._objects.values(), self._application)

    def _effect(self, action: Action) -> tuple[ObjectKey, Manifest | None]:
        try:
            return effect(self._mirror(), action)
        except UserError as error:
            raise InvalidAction(str(error)) from None

    def _dry_run(self, key: ObjectKey, after: Manifest | None) -> Manifest | None:
        body = dict(after) if after is not None else None
        planned = self._insist(key, lambda: self._writer.write(key, self._objects.get(key), body, dry_run=True))
        return configured(planned) if planned else None

    def _insist(
        self, key: ObjectKey, write: Callable[[], Json | None], again: Callable[[], None] = lambda: None
    ) -> Json | None:
        """A write that is tried `again` where nothing but status has changed since the object was read."""
        for _ in range(_TRIES):
            try:
                return write()
            except Conflict:
                self._read_again(key)
                again()
            except Denied as error:
                self.denied = str(error)
                raise
        raise InvalidAction(f"{key} is being written to all the time: nothing was written")

    def _write(self, key: ObjectKey, after: Manifest | None) -> Json | None:
        before = self._objects.get(key)
        found = self._writer.write(key, before, dict(after) if after is not None else None)
        if found is not None:
            self._own.wrote(key, found)
            self._objects[key] = found
        elif before is not None:
            self._own.deleted(key, before)
            self._objects.pop(key, None)
        return found

    def _read_again(self, key: ObjectKey) -> None:
        """After a conflict: go on only where the configuration is what it was.

        Raises:
            InvalidAction: somebody changed it.
        """
        found = self._reader.get(key)
        if found is None or _fields(found) != _fields(self._objects.get(key)):
            raise InvalidAction(f"{key} was changed by somebody else just now: nothing was written")
        self._objects[key] = found

    def _restore(self, key: ObjectKey, values: Mapping[Path, Value], grant: Grant) -> None:
        """Compare and set, field by field: what somebody else wrote just now stays."""
        expected = _fields(self._objects.get(key))
        wanted = dict(values)
        for _ in range(_TRIES):
            now = _fields(self._objects.get(key))
            wanted = {p: v for p, v in wanted.items() if now.get(p, ABSENT) == expected.get(p, ABSENT)}
            if not wanted:
                return
            after = unflatten({p: v for p, v in {**now, **wanted}.items() if v != ABSENT})
            if after is not None and "kind" not in after:
                raise UserError(f"{key} was written by somebody else while it was being removed: recover once more")
            try:
                self._put_back(key, after)
                return
            except Conflict:
                self._refresh(key)
                self._lock.check(grant)
        raise UserError(f"{key} is being written to all the time, so it could not be restored yet")

    def _put_back(self, key: ObjectKey, after: Manifest | None) -> None:
        try:
            self._write(key, after)
        except InvalidAction as error:
            raise UserError(f"could not be restored: {error}") from None
        added = {p: v for p, v in _fields(self._objects.get(key)).items() if p not in flatten(after)}
        if added:
            self._number += 1
            self._changes.append(ForeignChange(self._number, _SERVER, {Field(key, p): v for p, v in added.items()}))

    def _refresh(self, key: ObjectKey) -> None:
        found = self._reader.get(key)
        if found is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = found


def _fields(found: Json | None) -> Mapping[Path, Value]:
    return flatten(configured(found)) if found is not None and is_configured(found) else {}


def _described(objects: list[Json]) -> Application:
    """What runs here, for severity, and the images a node could pull, for side conditions."""
    manifests = Manifests(tuple(configured(found) for found in objects if is_configured(found)))
    application = describe(manifests)
    return replace(application, images=(application.images | images_seen(objects)) - images_failing(objects))
