"""The compiled specification as the only authority: it says what may happen next, and what is true now."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from stratus_sim.cluster.actions import Action
from stratus_sim.cluster.conditions import classification, subject
from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.telemetry.severity import Severity, no_worse
from stratus_sim.transaction.limits import Agents, Limits
from stratus_sim.transaction.records import Header, Record, writes_of
from stratus_sim.transaction.steps import steps_of
from stratus_spec import MACHINE, Interpreter, Reversibility, SpecViolation, State, TotalMap

NOBODY = ""
Configuration = TotalMap[Field, Value]
STEPS_PER_WRITE = 2
"""An undo entry and a request."""


@dataclass(frozen=True)
class Measurement:
    """The environment as far as it is known: what was measured, and on which configurations.

    `live` belongs to `live_configuration`, `shadow` to `shadow_configuration`. `permitted` is an action whose side
    condition holds.
    """

    live: Severity
    shadow: Severity
    healthy: bool
    live_configuration: Configuration
    shadow_configuration: Configuration
    permitted: Action | None = None


@dataclass(frozen=True)
class Unmeasured:
    """The severity of a configuration nobody has measured: comparable to itself only, so no decision rests on it."""

    configuration: Configuration


@dataclass(frozen=True)
class Attempt:
    """A transaction as attempt memory knows it: where it began, and what it has started."""

    configuration: Configuration = field(hash=False)  # values need not be hashable
    severity: Severity
    actions: tuple[str, ...] = ()


def severity_of(c: Configuration, e: Measurement) -> Severity | Unmeasured:
    """mu(c, e). Where both configurations are the same one, its severity is the shadow's."""
    if c == e.shadow_configuration:
        return e.shadow
    return e.live if c == e.live_configuration else Unmeasured(c)


def no_worse_or_same(after: Severity | Unmeasured, before: Severity | Unmeasured) -> bool:
    """leq: a preorder on measured severities; an unmeasured one is related to itself alone."""
    if isinstance(after, Unmeasured) or isinstance(before, Unmeasured):
        return after == before
    return no_worse(after, before)


def healthy(c: Configuration, e: Measurement) -> bool:
    """Whether the system was measured healthy in this configuration."""
    return e.healthy and c == e.live_configuration


def permitted(x: Action, _c: Configuration, e: Measurement) -> bool:
    """Whether the side condition of a compensable action was found to hold."""
    return x == e.permitted


def opening(c: Configuration, e: Measurement) -> Attempt:
    """A transaction's situation: what is configured, and how unwell the system was measured to be."""
    return Attempt(c, e.live)


def then(attempt: Attempt, x: Action) -> Attempt:
    """The attempt with one more action."""
    return Attempt(attempt.configuration, attempt.severity, (*attempt.actions, json.dumps(x.to_json(), sort_keys=True)))


def reversibility(x: Action) -> Reversibility:
    """The catalogue's class of an action."""
    return classification(x.verb, subject(x).kind).reversibility


@lru_cache(maxsize=64)
def interpreter(limits: Limits, agents: Agents) -> Interpreter:
    """The machine for these limits and agents.

    Raises:
        ValueError: a limit is not positive.
    """
    functions: dict[str, Callable[..., Any]] = {
        "mu": severity_of,
        "leq": no_worse_or_same,
        "healthy": healthy,
        "role_of": agents.role_of,
        "reversibility": reversibility,
        "permitted": permitted,
        "opening": opening,
        "then": then,
    }
    bounds = {
        "K": limits.actions,
        "max_steps": limits.writes * STEPS_PER_WRITE,
        "window_us": limits.window_us,
        "max_attempts": limits.attempts,
    }
    return Interpreter(MACHINE, functions, {**bounds, "nobody": NOBODY})


class Driver:
    """A state of the specification, moved by records only."""

    def __init__(self, header: Header, base: Callable[[Field], Value]) -> None:
        """Stand in the initial state; `base` is the configuration at that moment."""
        self._interpreter = interpreter(header.limits, header.agents)
        c: Configuration = TotalMap.over(base)
        e = Measurement(header.live, header.live, header.healthy, c, c)
        self.state: State = self._interpreter.initial(c=c, e=e, now=header.now_us, attempt=opening(c, e))

    def enabled(self, step: str, **params: Any) -> bool:
        """Whether the specification allows a step now."""
        return self._interpreter.enabled(self.state, step, **params)

    def require(self, step: str, **params: Any) -> None:
        """Raises SpecViolation when the specification does not allow a step now."""
        self._interpreter.step(self.state, step, **params)

    def failing(self, step: str, **params: Any) -> tuple[str, ...]:
        """The names of the guards that forbid a step now."""
        return self._interpreter.failing_guards(self.state, step, **params)

    def follow(self, record: Record) -> None:
        """Take all the steps of a record, or none.

        Raises:
            SpecViolation: the specification does not allow one of them.
        """
        state = self.state
        for step, params in steps_of(record, state):
            state = self._interpreter.step(state, step, **params)
        self.state = state


def replay(records: Iterable[Record], otherwise: Callable[[Field], Value]) -> Driver:
    """The driver after these records. Fields the records do not speak of read as `otherwise`.

    Raises:
        SpecViolation: the records are no behaviour of the specification, or contradict themselves.
    """
    driver, _ = list(replaying(records, otherwise))[-1]
    return driver


def replaying(records: Iterable[Record], otherwise: Callable[[Field], Value]) -> Iterator[tuple[Driver, Record]]:
    """As `replay`, with a look at the driver after each record.

    Raises:
        SpecViolation: at the first record that the specification does not allow.
    """
    known = list(records)
    if not known or not isinstance(known[0], Header):
        raise SpecViolation("initial", ("header",), {}, "none")
    first_seen = first_values(known)
    driver = Driver(known[0], lambda field: first_seen[field] if field in first_seen else otherwise(field))
    yield driver, known[0]
    for record in known[1:]:
        _check_before_images(record, driver.state)
        driver.follow(record)
        yield driver, record


def validate_trace(records: Iterable[Record]) -> None:
    """Check that a journal is a behaviour of the specification.

    Raises:
        SpecViolation: it is not; names the step and the guards that fail.
    """
    replay(records, lambda _field: ABSENT)


def first_values(records: Iterable[Record]) -> Mapping[Field, Value]:
    """What each field held before the first write the records speak of."""
    found: dict[Field, Value] = {}
    for record in records:
        for write in writes_of(record):
            found.setdefault(write.field, write.before)
    return found


def _check_before_images(record: Record, state: State) -> None:
    for write in writes_of(record):
        if state["c"][write.field] != write.before:
            params = {"field": str(write.field), "before": write.before}
            raise SpecViolation("journal", ("before_image",), params, state["phase"])
