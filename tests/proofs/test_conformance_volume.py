"""Both readings of the machine's own guards and updates, on 100,000 random states in all."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import pytest
import z3

from stratus_proofs.scope import SCOPE
from stratus_spec import MACHINE, Interpreter, State, TotalMap
from stratus_spec.language import free_names
from tests.proofs.embedding import CONSTANTS, FUNCTIONS, bodies, default, domains, from_z3, to_z3

STATES = 100_000
MAPS = 30
UNGUARDED = Interpreter(
    replace(MACHINE, transitions=tuple(replace(t, guards={}) for t in MACHINE.transitions)), FUNCTIONS, CONSTANTS
)
INTERPRETER = Interpreter(MACHINE, FUNCTIONS, CONSTANTS)


def is_array(sort):
    return sort.kind() == z3.Z3_ARRAY_SORT


def pool(draw, sort):
    """Random values of a sort, each as Python and as Z3 have it; maps are drawn once and used in many states."""
    if not is_array(sort):
        return [(value, to_z3(value, sort)) for value in domains(sort)]
    values = []
    for _ in range(MAPS):
        value = TotalMap.constant(default(sort))
        for key in domains(sort.domain()):
            value = value.store(key, draw.choice(domains(sort.range())))
        values.append((value, to_z3(value, sort)))
    return values


def cells(value, sort):
    """A Python value at each key in scope."""
    return [value[key] for key in domains(sort.domain())] if is_array(sort) else [value]


class Ground:
    """A term in scope, cell by cell, with functions and constants put in: only variables and parameters are left."""

    def __init__(self, term):
        sort = term.sort()
        fixed = [(SCOPE.term(c), to_z3(CONSTANTS[str(c)], c.sort())) for c in MACHINE.constants]
        scoped = z3.substitute_funs(z3.substitute(SCOPE.term(term), *fixed), *bodies())
        keys = [to_z3(key, sort.domain()) for key in domains(sort.domain())] if is_array(sort) else []
        self.cells = [(cell, free_names(cell)) for cell in ([scoped[key] for key in keys] if keys else [scoped])]
        self.sort = sort.range() if is_array(sort) else sort

    def value(self, chosen):
        """What Z3 makes of each cell, as Python has it. `chosen`: term and Z3 value by name."""
        pairs = [[chosen[name] for name in sorted(names)] for _, names in self.cells]
        return [
            from_z3(z3.substitute(cell, *given), self.sort) for (cell, _), given in zip(self.cells, pairs, strict=True)
        ]


@cache
def variables():
    """Name, term in scope and possible values of each variable."""
    bodies()
    draw = random.Random(0)
    return [(v.name, SCOPE.term(v.term), pool(draw, v.sort)) for v in MACHINE.variables]


class Compared:
    """One transition: its guards and updates, ground, and random states to try them on."""

    def __init__(self, transition, seed):
        self.transition, self.draw, self.variables = transition, random.Random(f"{seed} {transition.name}"), variables()
        self.params = [(str(p), SCOPE.term(p), pool(self.draw, p.sort())) for p in transition.params]
        self.guards = {label: Ground(guard) for label, guard in transition.guards.items()}
        self.updates = {name: Ground(update) for name, update in transition.updates.items()}

    def once(self):
        """The guards, and the variables after the step, on which the readings differ in one random state."""
        drawn = {name: (term, *self.draw.choice(values)) for name, term, values in (*self.variables, *self.params)}
        state = State({name: drawn[name][1] for name, _, _ in self.variables})
        params = {name: drawn[name][1] for name, _, _ in self.params}
        chosen = {name: (term, theirs) for name, (term, _, theirs) in drawn.items()}
        failing = INTERPRETER.failing_guards(state, self.transition.name, **params)
        after = UNGUARDED.step(state, self.transition.name, **params)
        wrong = [label for label, guard in self.guards.items() if guard.value(chosen) == [label in failing]]
        changed = {name: update.value(chosen) for name, update in self.updates.items()}
        for name, old in state.items():
            sort = MACHINE.variable[name].sort
            wrong += [name] * (cells(after[name], sort) != changed.get(name, cells(old, sort)))
        return wrong


def examine(transition, states, seed):
    compared = Compared(transition, seed)
    for _ in range(states):
        assert compared.once() == []


def test_a_difference_is_seen():
    transition, name = next(
        (t, n) for t in MACHINE.transitions for n in t.updates if z3.is_int(MACHINE.variable[n].term)
    )
    compared = Compared(transition, seed=0)
    compared.updates[name] = Ground(transition.updates[name] + 1)
    assert compared.once() == [name]


@pytest.mark.parametrize("name", MACHINE.transition)
def test_readings_agree(name):
    examine(MACHINE.transition[name], 20, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINE.transition)
def test_readings_agree_on_a_hundred_thousand_states(name):
    examine(MACHINE.transition[name], -(-STATES // len(MACHINE.transitions)), seed=2)
