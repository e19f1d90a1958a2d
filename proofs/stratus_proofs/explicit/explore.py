"""The explicit explorer: every reachable state of an instance, breadth first, by the interpreter.

It executes the same compiled transitions as the run time, so its counts speak of what really runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from stratus_spec import Property, State, Transition
from stratus_spec.language import free_names

from ..render import differences, show
from ..witness import Step
from .instance import NOTHING, Instance


@dataclass(frozen=True)
class Broken:
    """A property that does not hold, and a shortest run to where it does not: the last step breaks it.

    `bindings` are the values of the property's universal constants.
    """

    prop: str
    bindings: Mapping[str, Any]
    initial: State
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Exploration:
    """What was found of an instance.

    `layers[d]` counts the states first reached in d steps, `steps` all steps between states within bounds, `taken` the
    steps of each transition, `cut` the steps not taken because they leave the bounds. `complete` is False when the
    search stopped at its limit or at a broken property.
    """

    instance: str
    layers: tuple[int, ...]
    taken: Mapping[str, int]
    cut: Mapping[str, int]
    complete: bool
    broken: Broken | None = None

    @property
    def states(self) -> int:
        """Distinct states found."""
        return sum(self.layers)

    @property
    def steps(self) -> int:
        """Steps between them."""
        return sum(self.taken.values())

    @property
    def ok(self) -> bool:
        """Every state was seen and no property is broken in any."""
        return self.complete and self.broken is None


def explore(instance: Instance, limit: int = 1_000_000) -> Exploration:
    """Search an instance until every state is found, `limit` states are, or a property is broken."""
    return _Search(instance, limit).run()


def trace_lines(broken: Broken) -> list[str]:
    """A run to a broken property as text: each step with its arguments and what it changes."""
    lines = [f"BROKEN: {broken.prop}{_named(broken.bindings)} after {len(broken.steps)} steps"]
    state = broken.initial
    for number, step in enumerate(broken.steps, 1):
        lines.append(f"{number:3} {step.transition}({', '.join(f'{k}={show(v)}' for k, v in step.params.items())})")
        lines += [f"      {change}" for change in differences(state, step.state)]
        state = step.state
    return lines


def as_json(found: Exploration) -> dict[str, Any]:
    """An exploration as plain data for `json.dumps`."""
    return {
        "instance": found.instance,
        "ok": found.ok,
        "complete": found.complete,
        "states": found.states,
        "steps": found.steps,
        "layers": list(found.layers),
        "taken": dict(found.taken),
        "cut": dict(found.cut),
        "broken": None if found.broken is None else trace_lines(found.broken),
    }


def _named(values: Mapping[str, Any]) -> str:
    return f" for {', '.join(f'{name}={show(value)}' for name, value in values.items())}" if values else ""


class _Search:
    def __init__(self, instance: Instance, limit: int) -> None:
        self.instance, self.limit = instance, limit
        self.moves = [_Move(instance, transition) for transition in instance.machine.transitions]
        self.invariants = [_Claim(instance, p) for p in instance.properties if p.kind == "invariant"]
        self.parent: dict[State, tuple[State, str, Mapping[str, Any]] | None] = {}
        self.layers: list[int] = []
        self.broken: Broken | None = None

    def run(self) -> Exploration:
        frontier = [state for state in self.instance.initial_states() if self._add(state, None)]
        while frontier and self._going():
            self.layers.append(len(frontier))
            frontier = [state for before in frontier for state in self._next(before)]
        if frontier:
            self.layers.append(len(frontier))
        return Exploration(
            self.instance.name,
            tuple(self.layers),
            {move.name: move.taken for move in self.moves},
            {move.name: move.cut for move in self.moves if move.cut},
            not frontier and self._going(),
            self.broken,
        )

    def _going(self) -> bool:
        return self.broken is None and len(self.parent) < self.limit

    def _next(self, before: State) -> Iterator[State]:
        """The states one step leads to that were not seen before."""
        for move in self.moves:
            for params, after in move.steps(before):
                if not self._going():
                    return
                for claim in move.claims:
                    self._check(claim, before, after, params, (before, move.name, params))
                if self._add(after, (before, move.name, params)):
                    yield after

    def _add(self, state: State, came: tuple[State, str, Mapping[str, Any]] | None) -> bool:
        if state in self.parent:
            return False
        self.parent[state] = came
        for claim in self.invariants:
            self._check(claim, state, state, NOTHING, came)
        return True

    def _check(
        self,
        claim: _Claim,
        before: State,
        after: State,
        params: Mapping[str, Any],
        came: tuple[State, str, Mapping[str, Any]] | None,
    ) -> None:
        bindings = None if self.broken else claim.fails(before, after, params)
        if bindings is not None:
            initial, steps = self._run(after, came)
            self.broken = Broken(claim.prop.name, bindings, initial, steps)

    def _run(self, last: State, came: tuple[State, str, Mapping[str, Any]] | None) -> tuple[State, tuple[Step, ...]]:
        steps: list[Step] = []
        while came is not None:
            before, name, params = came
            steps.append(Step(name, params, last))
            last, came = before, self.parent[before]
        return last, tuple(reversed(steps))


class _Move:
    """A transition with every choice of arguments, and what is claimed of its steps."""

    def __init__(self, instance: Instance, transition: Transition) -> None:
        self.instance, self.name = instance, transition.name
        # Guards without parameters are asked once for all arguments.
        given = set(transition.param_names)
        always = z3.And(z3.BoolVal(True), *(g for g in transition.guards.values() if not free_names(g) & given))
        self.always = instance.interpreter.reader(always)
        self.calls = instance.calls(transition)
        steps = [p for p in instance.properties if p.kind == "step" and p.where(transition)]
        self.claims = [_Claim(instance, p) for p in steps]
        self.taken = self.cut = 0

    def steps(self, before: State) -> Iterator[tuple[Mapping[str, Any], State]]:
        """Arguments the transition may be taken with, and the states it leads to within bounds."""
        interpreter = self.instance.interpreter
        if not self.always(before, before, NOTHING):
            return
        for params in self.calls:
            if interpreter.enabled(before, self.name, **params):
                after = interpreter.step(before, self.name, **params)
                inside = self.instance.within(after)
                self.taken += inside
                self.cut += not inside
                if inside:
                    yield params, after


class _Claim:
    """A property with every choice of its universal constants."""

    def __init__(self, instance: Instance, prop: Property) -> None:
        self.prop, self.holds = prop, instance.interpreter.reader(prop.term)
        self.choices = instance.bindings(prop.over)

    def fails(self, before: State, after: State, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Values of the universal constants for which the property is false, or None."""
        for choice in self.choices:
            if not self.holds(before, after, {**params, **choice}):
                return choice
        return None
