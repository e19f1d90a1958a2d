"""The simulated cluster behind the transaction protocol. Its shadow is a fork: the counterfactual, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from stratus_sim.adapters.writes import by_object, inside_catalogue, only_pod_deletion, put_back
from stratus_sim.cluster import api, conditions, lease
from stratus_sim.cluster.actions import Action, InvalidAction, Write, effects
from stratus_sim.cluster.configuration import (
    ABSENT,
    Field,
    Path,
    Value,
    difference,
    flatten,
    is_configuration,
    unflatten,
)
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.telemetry.severity import Severity, measure
from stratus_sim.transaction.cluster import ForeignChange, Grant, StaleToken
from stratus_sim.world import World

AGENT = "agent:"
"""Prefix of the writer's name in the audit log for writes made under a grant."""


class SimulatedCluster:
    """A world seen through the cluster protocol (`stratus_sim.transaction.cluster.Cluster`)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pass_time: Callable[[int], None] = world.run_for
        """How `wait` lets time go by; whoever watches an episode puts itself in between."""
        self._shadow: World | None = None
        self._began = 0

    @property
    def now_us(self) -> int:
        return self.world.now_us

    def configuration(self) -> Callable[[Field], Value]:
        objects = self.world.store.state.objects

        def read(field: Field) -> Value:
            found = objects.get(field.object)
            if found is None or not is_configuration(found):
                return ABSENT
            return flatten(found.manifest).get(field.path, ABSENT)

        return lru_cache(maxsize=None)(read)

    def preview(self, action: Action) -> Mapping[Field, Value]:
        planned = [self._planned(action, write) for write in effects(self.world, action)]
        return {field: value for fields in planned for field, value in fields.items()}

    def permitted(self, action: Action) -> bool:
        return conditions.permitted(self.world, action, effects(self.world, action), self._begun)

    def _begun(self, key: ObjectKey) -> Manifest | None:
        found = (self._shadow or self.world).store.get(key)
        return put_back(key, found.manifest if found is not None else None, self.changes(self._began))

    def perform(self, action: Action, grant: Grant) -> None:
        self._fence(grant)
        for write in effects(self.world, action):
            try:
                self._write(write.key, write.after, grant)
            except UserError as error:
                raise InvalidAction(str(error)) from None

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        self._fence(grant)
        for key, wanted in by_object(values):
            self._write(key, self._merged(key, wanted), grant)

    def changes(self, since: int) -> list[ForeignChange]:
        found = api.changes_since(self.world, since)
        return [_foreign(change) for change in found if not change.writer.startswith(AGENT)]

    def last_change(self) -> int:
        audit = self.world.cluster.audit
        return audit.number if audit else 0

    def acquire(self, agent: str) -> Grant | None:
        token = lease.acquire(self.world, agent)
        return Grant(agent, token) if token is not None else None

    def release(self, grant: Grant) -> None:
        lease.release(self.world, grant.agent, grant.token)

    def begin_shadow(self) -> None:
        self._shadow, self._began = self.world.fork(), self.last_change()

    def severity(self) -> Severity:
        return measure(self.world)

    def shadow_severity(self) -> Severity:
        shadow = self._shadow or self.world
        shadow.run_until(self.world.now_us)
        return measure(shadow)

    def healthy(self) -> bool:
        return measure(self.world).scalar == 0

    def wait(self, duration_us: int) -> None:
        self.pass_time(duration_us)

    def _planned(self, action: Action, write: Write) -> Mapping[Field, Value]:
        found = self.world.store.get(write.key)
        if found is not None and not is_configuration(found):
            only_pod_deletion(write.key, write.after)
            return {}
        inside_catalogue(action, write)
        return {Field(write.key, path): new for path, (_, new) in write.fields.items()}

    def _fence(self, grant: Grant) -> None:
        if not lease.current(self.world, grant.agent, grant.token):
            raise StaleToken(f"{grant.agent} wrote with token {grant.token}, which is not the current one")

    def _merged(self, key: ObjectKey, values: Mapping[Path, Value]) -> Manifest | None:
        found = self.world.store.get(key)
        fields = flatten(found.manifest) if found is not None else {}
        fields.update(values)
        return unflatten({path: value for path, value in fields.items() if value != ABSENT})

    def _write(self, key: ObjectKey, manifest: Manifest | None, grant: Grant) -> None:
        if manifest is None:
            api.delete(self.world, key, AGENT + grant.agent)
        else:
            api.put(self.world, manifest, AGENT + grant.agent)


def _foreign(change: api.Change) -> ForeignChange:
    fields = {Field(change.key, path): new for path, (_, new) in difference(change.before, change.after).items()}
    if change.whole:
        fields |= {Field(change.key, path): value for path, value in flatten(change.after).items()}
        fields.setdefault(Field(change.key, ("kind",)), ABSENT)
    return ForeignChange(change.number, change.writer, fields)
