"""A run of the machine, played on the simulated cluster: what it breaks there is seen to hurt.

Fields are cast as the replicas of Deployments, and values so that what the run should have kept is the healthy number
and what it left instead is none. Every step that touches the cluster goes through the cluster protocol the transaction
runtime uses; foreign writes go to the counterfactual too. Steps that move the machine alone touch nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_sim.adapters.simulated import SimulatedCluster
from stratus_sim.cluster import api, lease
from stratus_sim.cluster.configuration import Field, Value, flatten, unflatten
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import Severity, measure, no_worse
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.transaction.cluster import Grant, StaleToken
from stratus_sim.world import World
from stratus_spec import Phase, State

from ..witness import Step
from .decoding import Trace

APPLICATION = "hotel"
SETTLE_US = 180 * SECOND_US
REPLICAS = ("spec", "replicas")


class Unfenced(SimulatedCluster):
    """A cluster that takes writes under any token."""

    def _fence(self, grant: Grant) -> None:
        """Let it pass."""


@dataclass(frozen=True)
class Reenactment:
    """What the run did to the simulated cluster.

    `cast` says what fields and values stand for. `refused` is the write the real lock refuses, or "". Severities are
    those after the cluster settled, with the run's effect and without it; `lost` are the fields that differ.
    """

    cast: Mapping[str, str]
    refused: str
    severity_with: Severity
    severity_without: Severity
    lost: tuple[str, ...]
    ended: str

    @property
    def hurts(self) -> bool:
        """Severity is worse than without the run, or the run was closed as resolved while the system is unwell."""
        unwell = self.ended == Phase.RESOLVED and self.severity_with.scalar > 0
        return unwell or not no_worse(self.severity_with, self.severity_without)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "cast": dict(self.cast),
            "refused": self.refused,
            "severity_with": self.severity_with._asdict(),
            "severity_without": self.severity_without._asdict(),
            "lost": list(self.lost),
            "ended": self.ended,
            "hurts": self.hurts,
        }

    def __str__(self) -> str:
        roles = ", ".join(f"{name} is {part}" for name, part in self.cast.items())
        verdict = "it hurts" if self.hurts else "no harm seen"
        guarded = f"; with the lock in force: {self.refused}" if self.refused else ""
        kept = f"; differs in {', '.join(self.lost)}" if self.lost else ""
        return (
            f"on simulated {APPLICATION} ({roles}): ends in {self.ended}, severity {self.severity_with}, "
            f"without the transaction {self.severity_without}: {verdict}{kept}{guarded}"
        )


def reenact(trace: Trace) -> Reenactment:
    """Play a run that breaks a headline on the embedded application."""
    world = Stage(Source(APPLICATION)).standing(0)
    parts = _cast(trace, world)
    refused = _Stagehand(SimulatedCluster(world.fork()), parts).play(trace)
    stage = _Stagehand(Unfenced(world), parts)
    stage.play(trace)
    stage.settle()
    ended = str(trace.states[-1]["phase"])
    with_, without = measure(world), measure(stage.without)
    return Reenactment(_described(parts), refused, with_, without, stage.differences(), ended)


@dataclass(frozen=True)
class Part:
    """What a field of the run stands for, and each of its values."""

    field: Field
    values: Mapping[Any, Value]


def _cast(trace: Trace, world: World) -> dict[Any, Part]:
    kept = (trace.states[-2] if trace.steps else trace.initial)["sigma"]
    left = trace.states[-1]["c"]
    deployments = [d for d in world.store.list("Deployment") if flatten(d.manifest).get(REPLICAS)]
    names = sorted({*left.changes, *kept.changes}, key=str)
    same = all(left[name] == kept[name] for name in names)
    parts = {}
    for name, deployment in zip(names, deployments, strict=False):
        good = flatten(deployment.manifest)[REPLICAS]
        # Where nothing differs, the end itself is what hurts.
        casting = {left[name]: 0} if same or left[name] != kept[name] else {left[name]: good}
        casting.setdefault(kept[name], good)
        parts[name] = Part(Field(deployment.key, REPLICAS), casting)
    return parts


def _described(parts: Mapping[Any, Part]) -> dict[str, str]:
    described = {}
    for name, part in parts.items():
        values = ", ".join(f"{value}: {number}" for value, number in part.values.items())
        described[str(name)] = f"{part.field.object.name} replicas ({values})"
    return described


@dataclass
class _Stagehand:
    """Carries out what the steps of a run do to a cluster."""

    cluster: SimulatedCluster
    parts: Mapping[Any, Part]
    grants: dict[int, Grant] = field(default_factory=dict)

    def play(self, trace: Trace) -> str:
        """The first write the cluster refuses for its token, or ""."""
        self.without = self.cluster.world
        for name in self.parts:
            self._write_both(name, trace.initial["c"][name])
        self.settle()
        self.without = self.cluster.world.fork()
        for before, step in zip(trace.states, trace.steps, strict=False):
            try:
                self._carry_out(step, before)
            except StaleToken as error:
                return f"{step.transition} is refused ({error})"
        return ""

    def settle(self) -> None:
        """Let both worlds come to rest."""
        for world in dict.fromkeys((self.cluster.world, self.without)):
            world.run_for(SETTLE_US)

    def differences(self) -> tuple[str, ...]:
        """The fields that differ from the world without the transaction."""
        here, there = self.cluster.configuration(), SimulatedCluster(self.without).configuration()
        fields = [part.field for part in self.parts.values()]
        return tuple(f"{f} ({here(f)} instead of {there(f)})" for f in fields if here(f) != there(f))

    def _carry_out(self, step: Step, before: State) -> None:
        act = ACTS.get(step.transition)
        if act is not None:
            act(self, step, before)

    def grant(self, step: Step, before: State) -> None:
        found = self.cluster.acquire(step.params["a"])
        if found is not None:
            self.grants[before["token"] + 1] = found

    def free(self, _step: Step, _before: State) -> None:
        lease.expire(self.cluster.world)

    def land(self, step: Step, before: State) -> None:
        request = step.params["i"]
        grant = self.grants.get(before["sent_token"][request], Grant("", 0))
        self._put(before["sent_field"][request], before["sent_value"][request], grant)

    def restore(self, step: Step, before: State) -> None:
        top = before["depth"] - 1
        self._put(
            before["entry_field"][top], before["entry_before"][top], self.grants.get(step.params["tok"], Grant("", 0))
        )

    def foreign(self, step: Step, _before: State) -> None:
        self._write_both(step.params["f"], step.params["v"])

    def _put(self, name: Any, value: Any, grant: Grant) -> None:
        self.cluster.restore({self.parts[name].field: self._number(name, value)}, grant)

    def _write_both(self, name: Any, value: Any) -> None:
        for world in dict.fromkeys((self.cluster.world, self.without)):
            found = world.store.get(self.parts[name].field.object)
            if found is not None:
                fields = {**flatten(found.manifest), REPLICAS: self._number(name, value)}
                api.put(world, unflatten(fields) or {}, "human")

    def _number(self, name: Any, value: Any) -> Value:
        """Values the end does not speak of are one more than the others."""
        values = self.parts[name].values
        return values[value] if value in values else max(int(str(number)) for number in values.values()) + 1


ACTS: Mapping[str, Callable[[_Stagehand, Step, State], None]] = {
    "acquire": _Stagehand.grant,
    "take_over": _Stagehand.grant,
    "reject": _Stagehand.free,
    "expire": _Stagehand.free,
    "crash": _Stagehand.free,
    "commit": _Stagehand.free,
    "abort": _Stagehand.free,
    "land": _Stagehand.land,
    "restore": _Stagehand.restore,
    "foreign": _Stagehand.foreign,
}
"""Steps that touch the cluster."""
