"""Bounded model checking: the shortest runs from an initial state to a broken property, in a finite scope.

Breadth first over the number of steps: when depth n has an answer, every depth below has been refuted, for all initial
states, arguments and interpretations in scope (`finite.py`). The interpreter executes each run found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import z3

from stratus_spec import Machine, Property

from . import finite
from .decoding import Decoder, Trace
from .relation import Frame, in_scope, relation, unknowns

BOUND = 14
"""Steps searched by default."""
SMALL = 2
MEANT = ("c", "e")
"""Variables whose first value matters to a reader."""


def deepening(
    machine: Machine, properties: Sequence[Property], bound: int = BOUND, known: Sequence[Property] = ()
) -> Iterator[list[Trace]]:
    """For each length from 0 to `bound`: the properties first broken by runs of that length, each with such a run.

    `known` holds of every run, and helps to refute the rest.
    """
    unrolling, left = Unrolling(machine, properties), list(properties)
    for depth in range(bound + 1):
        if depth:
            unrolling.extend()
        found = list(unrolling.broken(left))
        yield found
        left = [p for p in left if all(p.name != trace.prop for trace in found)]
        # What no run of this length breaks helps to refute the longer ones.
        unrolling.assume([*left, *known])


def shortest(machine: Machine, properties: Sequence[Property], bound: int = BOUND) -> dict[str, Trace]:
    """For each property that a run of at most `bound` steps breaks, a shortest such run, by name of the property."""
    found: dict[str, Trace] = {}
    for traces in deepening(machine, properties, bound):
        found |= {trace.prop: trace for trace in traces}
        if len(found) == len(properties):
            break
    return found


def along(machine: Machine, properties: Sequence[Property], path: tuple[str, ...]) -> dict[str, Trace]:
    """Runs that take these transitions in turn and break a property at their end; they need not be shortest ones."""
    unrolling = Unrolling(machine, properties)
    for name in path:
        unrolling.extend(name)
    return {trace.prop: trace for trace in unrolling.broken(properties)}


class Undecided(RuntimeError):
    """The solver gave up: whether there is such a run is not known."""


class Unrolling:
    """Runs of a machine of growing length, as constraints on one solver.

    `properties` are those it will be asked about.
    """

    def __init__(self, machine: Machine, properties: Sequence[Property]) -> None:
        self._relation = relation(machine)
        self._frames = [Frame.of(machine, "!0")]
        self._solver = z3.SolverFor("QF_FD")
        self._solver.add(*self._relation.shared, *_bindings_in_scope(properties))
        self._solver.add(self._at(self._relation.initial))

    def extend(self, name: str = "") -> None:
        """Make runs one step longer: by any transition, or by the one of this name."""
        self._frames.append(Frame.of(self._relation.machine, f"!{len(self._frames)}"))
        self._solver.add(self._at(self._relation.step))
        pairs = zip(self._relation.machine.transitions, self._frames[-1].chosen, strict=True)
        self._solver.add(*(this for transition, this in pairs if transition.name == name))

    def broken(self, properties: Sequence[Property]) -> Iterator[Trace]:
        """The properties that a run of the present length breaks at its end, each with such a run."""
        can = [p for p in properties if p.kind == "invariant" or len(self._frames) > 1]
        claims = {p: z3.Bool(f"{p.name} is broken at {len(self._frames)}") for p in can}
        self._solver.push()
        broken = [z3.Implies(claim, self._relation.violated(p)) for p, claim in claims.items()]
        self._solver.add(self._at(z3.And(broken)), z3.Or(list(claims.values())))
        while self._satisfiable():
            model = self._solver.model()
            hit = next(p for p in can if z3.is_true(model.eval(claims[p])))
            yield Decoder(self._relation, self._frames, self._tidied(claims[hit], model)).trace(hit)
            self._solver.add(z3.Not(claims[hit]))
        self._solver.pop()

    def _tidied(self, claim: Any, model: Any) -> Any:
        """A model of the same claim that starts from zeros and has small constants, if there is one."""
        self._solver.push()
        self._solver.add(claim)
        for preference in self._tidy:
            self._solver.push()
            self._solver.add(*preference)
            if self._satisfiable():
                model = self._solver.model()
            else:
                self._solver.pop()
                break
        self._solver.pop(self._solver.num_scopes() - 1)
        return model

    def _satisfiable(self) -> bool:
        answer = self._solver.check()
        if answer == z3.unknown:
            raise Undecided(f"runs of {len(self._frames) - 1} steps: {self._solver.reason_unknown()}")
        return bool(answer == z3.sat)

    def assume(self, properties: list[Property]) -> None:
        """Let invariants hold at the end of every run of the present length."""
        invariants = [p for p in properties if p.kind == "invariant" and len(p.over) < 2]
        self._solver.add(self._at(z3.And([self._relation.holds(p) for p in invariants])))

    def _at(self, formula: Any) -> Any:
        """A formula of the relation at the last step."""
        before = self._frames[-2] if len(self._frames) > 1 else None
        return self._relation.at(formula, before, self._frames[-1])

    @cached_property
    def _tidy(self) -> list[list[Any]]:
        machine, start = self._relation.machine, self._frames[0].state
        free = [v for v in machine.variables if v.name not in machine.init and v.name not in MEANT]
        values = [(start[finite.name_of(v.term)], v.sort) for v in free]
        zeros = [bit == finite.zero(sort) for value, sort in values for bit, sort in finite.leaves(value, sort)]
        integers = [value for (_, sort), value in self._relation.constants.items() if sort == "Int"]
        return [zeros, [value <= SMALL for value in integers]]


def _bindings_in_scope(properties: Sequence[Property]) -> Iterator[Any]:
    over = [constant for prop in properties for constant in prop.over]
    bindings = unknowns(over)
    yield from in_scope(bindings, over)
    yield from (finite.indexes(value) for (_, sort), value in bindings.items() if sort == "Int")
