"""The interpreter and Z3 read the same machine: on random states every guard and update agrees."""

from dataclasses import replace

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stratus_spec import MACHINE, Interpreter, State, TotalMap
from tests.proofs.embedding import CONSTANTS, FUNCTIONS, default, domains, evaluator

INTERPRETER = Interpreter(MACHINE, FUNCTIONS, CONSTANTS)
UNGUARDED = Interpreter(
    replace(MACHINE, transitions=tuple(replace(t, guards={}) for t in MACHINE.transitions)),
    FUNCTIONS,
    CONSTANTS,
)


@st.composite
def value(draw, sort):
    if sort.kind() != z3.Z3_ARRAY_SORT:
        return draw(st.sampled_from(domains(sort)))
    result = TotalMap.constant(default(sort))
    for key in domains(sort.domain()):
        result = result.store(key, draw(value(sort.range())))
    return result


@st.composite
def situation(draw, transition):
    state = State({v.name: draw(value(v.sort)) for v in MACHINE.variables})
    return state, {str(p): draw(value(p.sort())) for p in transition.params}


def disagreements(transition, state, params):
    """Guards, and variables after the step, on which the two readings differ."""
    by_z3 = evaluator(state, {p: params[str(p)] for p in transition.params})
    failing = INTERPRETER.failing_guards(state, transition.name, **params)
    found = [label for label, guard in transition.guards.items() if by_z3(guard) == (label in failing)]
    after = UNGUARDED.step(state, transition.name, **params)
    expected = {**state, **{name: by_z3(update) for name, update in transition.updates.items()}}
    return found + [name for name, value in expected.items() if after[name] != value]


@pytest.mark.parametrize("name", MACHINE.transition)
def test_readings_agree(name):
    examine(name, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", MACHINE.transition)
def test_readings_agree_on_many_states(name):
    examine(name, 150)


def examine(name, examples):
    transition = MACHINE.transition[name]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(situation(transition))
    def agree(drawn):
        assert disagreements(transition, *drawn) == []

    agree()
