"""The simulated cluster behind the transaction protocol. Its shadow is a fork: the counterfactual, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from stratus_sim.cluster import api, conditions, lease
from stratus_sim.cluster.actions import Action, InvalidAction, effect
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
        key, after = effect(self.world, action)
        found = self.world.store.get(key)
        if found is not None and not is_configuration(found):
            only_pod_deletion(key, after)
            return {}
        changed = difference(found.manifest if found else None, after)
        return {Field(key, path): new for path, (_, new) in changed.items()}

    def permitted(self, action: Action) -> bool:
        key, _ = effect(self.world, action)
        condition = conditions.classification(action.verb, key.kind).condition
        return condition is None or conditions.holds(self.world, condition, key)

    def perform(self, action: Action, grant: Grant) -> None:
        self._fence(grant)
        key, after = effect(self.world, action)
        try:
            self._write(key, after, grant)
        except UserError as error:
            raise InvalidAction(str(error)) from None

    def restore(self, values: Mapping[Field, Value], grant: Grant) -> None:
        self._fence(grant)
        by_object: dict[ObjectKey, dict[Path, Value]] = {}
        for field, value in values.items():
            by_object.setdefault(field.object, {})[field.path] = value
        for key in sorted(by_object):
            self._write(key, self._merged(key, by_object[key]), grant)

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
        self._shadow = self.world.fork()

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


def only_pod_deletion(key: ObjectKey, after: Manifest | None) -> None:
    """Raises InvalidAction for any other write to what controllers own."""
    if after is not None or key.kind != "Pod":
        raise InvalidAction(f"{key} belongs to a controller: change its owner instead")


def _foreign(change: api.Change) -> ForeignChange:
    fields = {Field(change.key, path): new for path, (_, new) in difference(change.before, change.after).items()}
    if change.whole:
        fields |= {Field(change.key, path): value for path, value in flatten(change.after).items()}
        fields.setdefault(Field(change.key, ("kind",)), ABSENT)
    return ForeignChange(change.number, change.writer, fields)
