"""Python states as Z3 values in scope: the second reading of a machine, to compare with the interpreter's."""

from functools import cache

import z3

from stratus_proofs.scope import SCOPE
from stratus_spec import MACHINE, Reversibility, Role, State, TotalMap
from stratus_spec.sorts import ENUMS, healthy, leq, mu, opening, permitted, reversibility, role_of, then

INDEXES = range(-1, 4)
ROLES = dict(zip(["agent0", "agent1", "agent2", "agent3", "agent4"], reversed(Role), strict=True))
CLASSES = {"action0": Reversibility.COMPENSABLE, "action1": Reversibility.IRREVERSIBLE}
CONSTANTS = {"K": 2, "max_steps": 3, "window_us": 3, "max_attempts": 1, "nobody": "agent0"}
FUNCTIONS = {
    "mu": lambda c, e: "severity0" if c["field0"] == "value0" and e == "environment0" else "severity1",
    "leq": lambda s, t: s <= t,
    "healthy": lambda c, e: c["field1"] != "value2",
    "role_of": ROLES.__getitem__,
    "reversibility": CLASSES.__getitem__,
    "permitted": lambda x, c, e: e == "environment1",
    "opening": lambda c, e: "attempt0" if c["field0"] == "value0" else "attempt1",
    "then": lambda t, x: "attempt2" if x == "action0" else t,
}


def domains(sort):
    """The values a random state draws from."""
    if sort.kind() == z3.Z3_INT_SORT:
        return list(INDEXES)
    if sort.kind() == z3.Z3_BOOL_SORT:
        return [False, True]
    return list(ENUMS[sort.name()]) if sort.name() in ENUMS else list(SCOPE.labels(sort))


def to_z3(value, sort):
    """A Python value as a Z3 value in scope."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        array = z3.K(SCOPE.sort(sort.domain()), to_z3(default(sort), sort.range()))
        for key in domains(sort.domain()):
            array = z3.Store(array, to_z3(key, sort.domain()), to_z3(value[key], sort.range()))
        return array
    if sort.kind() == z3.Z3_INT_SORT:
        return z3.IntVal(value)
    if sort.kind() == z3.Z3_BOOL_SORT:
        return z3.BoolVal(value)
    if sort.name() in ENUMS:
        return sort.constructor(list(ENUMS[sort.name()]).index(value))()
    return SCOPE.member(SCOPE.sort(sort), value)


def default(sort):
    """What a random map answers outside the scope: any one value, the same in both readings."""
    return -1 if sort.range().kind() == z3.Z3_INT_SORT else domains(sort.range())[0]


def from_z3(term, sort):
    """A Z3 term without free constants as a Python value."""
    if sort.kind() == z3.Z3_ARRAY_SORT:
        result = TotalMap.constant(default(sort))
        for key in domains(sort.domain()):
            result = result.store(key, from_z3(z3.Select(term, to_z3(key, sort.domain())), sort.range()))
        return result
    value = z3.simplify(term)
    if sort.kind() == z3.Z3_INT_SORT:
        return value.as_long()
    if sort.kind() == z3.Z3_BOOL_SORT:
        assert z3.is_true(value) or z3.is_false(value)
        return z3.is_true(value)
    label = value.decl().name()
    return ENUMS[sort.name()](label) if sort.name() in ENUMS else label


def scoped(function, *arguments):
    """An uninterpreted function of the specification, applied in scope."""
    sorts = [SCOPE.sort(function.domain(i)) for i in range(function.arity())]
    return z3.Function(function.name(), *sorts, SCOPE.sort(function.range()))(*arguments)


def definitions():
    """FUNCTIONS, written a second time as Z3 terms over bound variables."""
    member = {label: m for members in SCOPE.members.values() for m in members for label in [m.decl().name()]}

    def table(argument, values, sort):
        result = to_z3(list(values.values())[-1], sort)
        for key, value in values.items():
            result = z3.If(argument == member[key], to_z3(value, sort), result)
        return result

    def bound(function, index):
        return z3.Var(index, SCOPE.sort(function.domain(index)))

    calm = z3.And(bound(mu, 0)[member["field0"]] == member["value0"], bound(mu, 1) == member["environment0"])
    severities = list(SCOPE.members["Severity"])
    above = [z3.Or([bound(leq, 1) == other for other in severities[i:]]) for i in range(len(severities))]
    ordered = [z3.And(bound(leq, 0) == s, upper) for s, upper in zip(severities, above, strict=True)]
    return {
        mu: z3.If(calm, member["severity0"], member["severity1"]),
        leq: z3.Or(ordered),
        healthy: bound(healthy, 0)[member["field1"]] != member["value2"],
        role_of: table(bound(role_of, 0), ROLES, role_of.range()),
        reversibility: table(bound(reversibility, 0), CLASSES, reversibility.range()),
        permitted: bound(permitted, 2) == member["environment1"],
        opening: z3.If(bound(opening, 0)[member["field0"]] == member["value0"], member["attempt0"], member["attempt1"]),
        then: z3.If(bound(then, 1) == member["action0"], member["attempt2"], bound(then, 0)),
    }


@cache
def bodies():
    """The functions' definitions, as Z3 wants them for substitution; every sort is in scope first."""
    for variable in MACHINE.variables:
        SCOPE.sort(variable.sort)
    for sort in (reversibility.domain(0), mu.range()):
        SCOPE.sort(sort)
    pairs = []
    for function, body in definitions().items():
        sorts = [SCOPE.sort(function.domain(i)) for i in range(function.arity())]
        pairs.append((z3.Function(function.name(), *sorts, SCOPE.sort(function.range())), body))
    return pairs


def evaluator(state: State, params):
    """A function from terms to their values in this state by Z3 alone. `params`: constant to value."""
    known = bodies()
    values = {variable.term: state[variable.name] for variable in MACHINE.variables} | params
    values |= {constant: CONSTANTS[str(constant)] for constant in MACHINE.constants}
    pairs = [(SCOPE.term(constant), to_z3(value, constant.sort())) for constant, value in values.items()]

    def evaluate(term):
        ground = z3.substitute_funs(z3.substitute(SCOPE.term(term), *pairs), *known)
        return from_z3(ground, term.sort())

    return evaluate
