"""Every operator of the executable language means the same in Z3 and in Python."""

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_spec import Interpreter, Machine, Phase, TotalMap, UnsupportedTermError, Variable
from stratus_spec.compile import INFIX, SPECIAL, TEMPLATES
from stratus_spec.sorts import PHASE, literal

INT, BOOL = z3.IntSort(), z3.BoolSort()
VARIABLES = tuple(
    Variable(name, sort, "machine", "")
    for name, sort in [("p", INT), ("q", INT), ("r", BOOL), ("m", z3.ArraySort(INT, INT)), ("phase", PHASE)]
)
p, q, r, m, phase = (v.term for v in VARIABLES)
twice = z3.Function("twice", INT, INT)
MACHINE = Machine("operators", VARIABLES, (), (twice,), (), {}, ())
INTERPRETER = Interpreter(MACHINE, {"twice": lambda n: 2 * n}, {})

SAMPLES = (
    p == q,
    z3.And(r, p < q, p != 0),
    z3.Or(r, p < q, q == 3),
    p <= q,
    p < q,
    p >= q,
    p > q,
    p + q + 1,
    p - q - 1,
    p * q * p,
    z3.BoolVal(True),
    z3.BoolVal(False),
    z3.Not(r),
    z3.Implies(r, p < q),
    z3.If(r, p, q),
    -p,
    m[p],
    z3.Store(m, p, q)[q],
    z3.K(INT, p)[q],
    z3.Distinct(p, q, m[p]),
    z3.IntVal(-7),
    z3.Or(phase == literal(Phase.UNDO), phase != literal(Phase.COMMIT)),
    twice(p + 1),
    z3.If(z3.Not(z3.And(r, z3.Or(p < q, z3.Not(r)))), p - (q - 1), -(p + q)),
    z3.Implies(z3.Implies(r, p < q), z3.Implies(p < q, r)),
    (p == q) == r,
    z3.Store(m, p, q) == z3.Store(m, q, p),
)


def kinds(term):
    return {term.decl().kind()}.union(*(kinds(child) for child in term.children()))


def test_every_operator_has_a_sample():
    assert set().union(*map(kinds, SAMPLES)) == set(INFIX) | set(TEMPLATES) | set(SPECIAL)


def by_z3(term, values):
    array = z3.K(INT, z3.IntVal(0))
    for key, value in values["m"].items():
        array = z3.Store(array, key, value)
    pairs = [
        (p, z3.IntVal(values["p"])),
        (q, z3.IntVal(values["q"])),
        (r, z3.BoolVal(values["r"])),
        (m, array),
    ]
    ground = z3.substitute(term, *pairs, (phase, literal(values["phase"])))
    value = z3.simplify(z3.substitute_funs(ground, (twice, 2 * z3.Var(0, INT))))
    return value.as_long() if z3.is_int_value(value) else is_valid(value)


def is_valid(formula):
    """Whether a formula without free constants is true: the simplifier alone does not decide equal arrays."""
    solver = z3.Solver()
    solver.add(formula)
    answer = solver.check()
    assert answer != z3.unknown
    return answer == z3.sat


def by_python(term, values):
    array = TotalMap.constant(0)
    for key, value in values["m"].items():
        array = array.store(key, value)
    return INTERPRETER.evaluate(term, INTERPRETER.initial(**{**values, "m": array}))


small = st.integers(-3, 3)
assignments = st.fixed_dictionaries(
    {
        "p": small,
        "q": small,
        "r": st.booleans(),
        "m": st.dictionaries(small, small),
        "phase": st.sampled_from(Phase),
    }
)


@pytest.mark.parametrize("term", SAMPLES, ids=lambda term: str(term).replace("\n", ""))
def test_operator_agrees(term):
    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(assignments)
    def agree(values):
        assert by_python(term, values) == by_z3(term, values)

    agree()


def terms(depth):
    """Random integer terms that nest every operator."""
    if depth == 0:
        return st.sampled_from([p, q, z3.IntVal(2), z3.IntVal(-1)])
    a, b = terms(depth - 1), terms(depth - 1)
    formulas = st.one_of(
        st.builds(lambda x, y: x < y, a, b),
        st.builds(lambda x, y: z3.Or(x == y, r), a, b),
        st.builds(lambda x, y: z3.Implies(x >= y, z3.Not(r)), a, b),
    )
    return st.one_of(
        a,
        st.builds(lambda x, y: x + y, a, b),
        st.builds(lambda x, y: x - y, a, b),
        st.builds(lambda x, y: -x * y, a, b),
        st.builds(lambda x, y: z3.Store(m, x, y)[y], a, b),
        st.builds(z3.If, formulas, a, b),
    )


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(terms(3), assignments)
def test_nested_terms_agree(term, values):
    assert by_python(term, values) == by_z3(term, values)


@pytest.mark.slow
@settings(max_examples=4000, deadline=None, database=None, derandomize=True)
@given(terms(4), assignments)
def test_many_nested_terms_agree(term, values):
    assert by_python(term, values) == by_z3(term, values)


@pytest.mark.parametrize(
    "term",
    [p / q, p % q, z3.ForAll([z3.Int("i")], m[z3.Int("i")] == 0), z3.RealVal("1/2"), z3.ToReal(p), p**q],
    ids=["division", "modulo", "quantifier", "real", "to_real", "power"],
)
def test_what_the_languages_disagree_on_is_refused(term):
    with pytest.raises(UnsupportedTermError):
        INTERPRETER.evaluate(term, INTERPRETER.initial())
