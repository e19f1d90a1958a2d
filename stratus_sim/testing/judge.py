"""The judge of one attempt: a counterfactual fork that nobody else touches.

TNR at the instant of the decision (see `spec/README.md`): a commit leaves severity no worse than the same instant shows
without the attempt; an abort leaves the configuration that would be there without it. How many replicas an autoscaler
sets follows from load and health, so what one has set in either world is nobody's decision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stratus_sim.cluster import api
from stratus_sim.cluster.configuration import Field, Value, difference, is_configuration
from stratus_sim.cluster.objects import Manifest, ObjectKey
from stratus_sim.cluster.workloads import autoscaler
from stratus_sim.telemetry.severity import Severity, measure, no_worse, unwell
from stratus_sim.transaction.redaction import redacted
from stratus_sim.world import World

COMMIT_CLAUSE = "commit ⇒ μ(with the transaction) ≤ μ(without it), at the same instant"
ABORT_CLAUSE = "abort ⇒ the configuration is what it would be without the transaction"
OWN_CLAUSE = "at the end of an attempt: μ(with it) ≤ μ(without it), at the same instant"

_REPLICAS = ("spec", "replicas")
Difference = tuple[Field, Value, Value]
_Holds = Callable[[Severity, Severity, tuple[Difference, ...]], bool]


class Finding(NamedTuple):
    """One attempt judged. `differences` lists configuration as (field, without, with); `clause` is what broke or "".

    `sick_with` and `sick_without` say which workloads lack replicas (permille) in either world.
    """

    clause: str
    severity_with: Severity
    severity_without: Severity
    differences: tuple[Difference, ...]
    sick_with: dict[str, int]
    sick_without: dict[str, int]


class Judge:
    """Forks the world when an attempt begins and compares when it is decided."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._without = world.fork()
        self._begun = audit.number if (audit := world.cluster.audit) else 0

    def severities(self) -> tuple[Severity, Severity]:
        """(with the attempt, without it) at this instant."""
        self._without.run_until(self._world.now_us)
        return measure(self._world), measure(self._without)

    def attempt_alone(self) -> Finding:
        """The verdict on an attempt nobody protects."""
        return self._find(OWN_CLAUSE, lambda with_, without, _: no_worse(with_, without))

    def committed(self) -> Finding:
        return self._find(COMMIT_CLAUSE, lambda with_, without, _: no_worse(with_, without))

    def aborted(self) -> Finding:
        return self._find(ABORT_CLAUSE, lambda _with, _without, differences: not differences)

    def _find(self, clause: str, holds: _Holds) -> Finding:
        with_, without = self.severities()
        autoscaled = {key for world in (self._world, self._without) for key in _autoscaled(world, self._begun)}
        found = configuration_difference(self._without, self._world)
        differences = tuple(d for d in found if not (d[0].path == _REPLICAS and d[0].object in autoscaled))
        broken = "" if holds(with_, without, differences) else clause
        return Finding(broken, with_, without, differences, unwell(self._world), unwell(self._without))


def configuration_difference(left: World, right: World) -> tuple[Difference, ...]:
    """Every configuration field in which two worlds differ, in order; what Secrets hold is not said."""
    before, after = left.store.state.objects, right.store.state.objects
    keys = sorted(key for key in {*before, *after} if before.get(key) is not after.get(key))
    found = []
    for key in keys:
        old, new = _configured(left, key), _configured(right, key)
        fields = ((Field(key, path), *pair) for path, pair in difference(old, new).items())
        found += [(field, redacted(field, a), redacted(field, b)) for field, a, b in fields]
    return tuple(found)


def _autoscaled(world: World, since: int) -> list[ObjectKey]:
    """The workloads autoscalers have resized since a write of this number."""
    return [change.key for change in api.changes_since(world, since) if change.writer == autoscaler.WRITER]


def _configured(world: World, key: ObjectKey) -> Manifest | None:
    resource = world.store.get(key)
    return resource.manifest if resource is not None and is_configuration(resource) else None
