"""Both readings of random terms on random states, 100,000 of them for every mix of operators."""

from __future__ import annotations

import random

import pytest
import z3

from stratus_spec import Phase, TotalMap
from stratus_spec.sorts import PHASE, literal
from tests.spec.test_operators import BOOL, INT, INTERPRETER, m, p, phase, q, r, twice

SMALL = range(-3, 4)
MAPS = z3.ArraySort(INT, INT)
DEPTH = 4
STATES_PER_TERM = 250

# For each sort and mix: how to make a term of the sort, given a maker of smaller terms.
ATOMS = {
    INT: [lambda _: p, lambda _: q, lambda _: z3.IntVal(2), lambda _: z3.IntVal(-1)],
    BOOL: [lambda _: r, lambda _: p < q, lambda _: p == q],
    MAPS: [lambda _: m],
    PHASE: [lambda _: phase, lambda _: literal(Phase.UNDO)],
}
ARITHMETIC = {
    INT: [lambda t: t(INT) + t(INT), lambda t: t(INT) - t(INT), lambda t: t(INT) * t(INT), lambda t: -t(INT)],
    BOOL: [
        lambda t: t(INT) < t(INT),
        lambda t: t(INT) <= t(INT),
        lambda t: t(INT) > t(INT),
        lambda t: t(INT) >= t(INT),
        lambda t: t(INT) == t(INT),
        lambda t: z3.Distinct(t(INT), t(INT), t(INT)),
    ],
}
LOGIC = {
    BOOL: [
        lambda t: z3.And(t(BOOL), t(BOOL), t(BOOL)),
        lambda t: z3.Or(t(BOOL), t(BOOL)),
        lambda t: z3.Not(t(BOOL)),
        lambda t: z3.Implies(t(BOOL), t(BOOL)),
        lambda t: t(BOOL) == t(BOOL),
        lambda t: z3.If(t(BOOL), t(BOOL), t(BOOL)),
    ],
}
ARRAYS = {
    INT: [lambda t: t(MAPS)[t(INT)], lambda t: t(INT) + z3.IntVal(1)],
    BOOL: [lambda t: t(INT) < t(INT), lambda t: t(MAPS)[t(INT)] == t(INT)],
    MAPS: [lambda t: z3.Store(t(MAPS), t(INT), t(INT)), lambda t: z3.If(t(BOOL), t(MAPS), t(MAPS))],
}
CONSTANT_ARRAYS = {
    INT: [lambda t: t(MAPS)[t(INT)], lambda t: z3.K(INT, t(INT))[t(INT)]],
    MAPS: [lambda t: z3.Store(z3.K(INT, t(INT)), t(INT), t(INT)), lambda t: z3.Store(t(MAPS), t(INT), t(INT))],
}
ENUMERATIONS = {
    PHASE: [lambda t: z3.If(t(BOOL), t(PHASE), t(PHASE))],
    BOOL: [lambda t: t(PHASE) == t(PHASE), lambda t: t(PHASE) != t(PHASE), lambda t: z3.Or(t(BOOL), t(BOOL))],
}
FUNCTIONS = {INT: [lambda t: twice(t(INT)), lambda t: t(INT) - twice(t(INT)), lambda t: z3.If(t(BOOL), t(INT), t(INT))]}
SEPARATE = (ARITHMETIC, LOGIC, ARRAYS, CONSTANT_ARRAYS, ENUMERATIONS, FUNCTIONS)
EVERYTHING = {sort: [make for mix in SEPARATE for make in mix.get(sort, [])] for sort in ATOMS}
MIXES = {
    "arithmetic": ARITHMETIC,
    "logic": LOGIC,
    "arrays": ARRAYS,
    "constant arrays": CONSTANT_ARRAYS,
    "enumerations": ENUMERATIONS,
    "functions": FUNCTIONS,
    "everything": EVERYTHING,
}


def made(draw, mix, sort, depth):
    """A random term of a sort, nested at most so deep."""
    choices = mix.get(sort) if depth else None
    return draw.choice(choices or ATOMS[sort])(lambda smaller: made(draw, mix, smaller, max(0, depth - 1)))


def pools(draw):
    """Values to draw states from, each as Python and as Z3 have it."""
    integers = [(value, z3.IntVal(value)) for value in SMALL]
    maps = [(TotalMap.constant(0), z3.K(INT, z3.IntVal(0)))]
    for _ in range(300):
        (ours, theirs), key, value = draw.choice(maps), draw.choice(integers), draw.choice(integers)
        maps.append((ours.store(key[0], value[0]), z3.Store(theirs, key[1], value[1])))
    truths = [(value, z3.BoolVal(value)) for value in (False, True)]
    return {"p": integers, "q": integers, "r": truths, "m": maps, "phase": [(x, literal(x)) for x in Phase]}


def python_value(value):
    """A Z3 value as Python has it."""
    if z3.is_int_value(value):
        return value.as_long()
    if z3.is_true(value) or z3.is_false(value):
        return z3.is_true(value)
    return Phase(value.decl().name())


def compared(mix, states, seed):
    """How many (term, state) pairs were compared; fails on the first that differs."""
    draw = random.Random(seed)
    drawn = pools(draw)
    terms = {"p": p, "q": q, "r": r, "m": m, "phase": phase}
    sorts = [sort for sort in (INT, BOOL, PHASE) if sort in mix]
    values = set()
    for number in range(states):
        if number % STATES_PER_TERM == 0:
            term = made(draw, mix, draw.choice(sorts), DEPTH)
            ground = z3.substitute_funs(term, (twice, 2 * z3.Var(0, INT)))
        state = {name: draw.choice(pool) for name, pool in drawn.items()}
        ours = INTERPRETER.evaluate(term, INTERPRETER.initial(**{name: value[0] for name, value in state.items()}))
        theirs = z3.simplify(z3.substitute(ground, *((terms[name], value[1]) for name, value in state.items())))
        assert ours == python_value(theirs), (term, state)
        values.add(ours)
    assert len(values) > 1, "every term had the same value: the mix says nothing"
    return states


@pytest.mark.parametrize("mix", MIXES)
def test_readings_agree(mix):
    assert compared(MIXES[mix], 1_000, seed=1) == 1_000


@pytest.mark.slow
@pytest.mark.parametrize("mix", MIXES)
def test_readings_agree_on_a_hundred_thousand_states(mix):
    assert compared(MIXES[mix], 100_000, seed=2) == 100_000
