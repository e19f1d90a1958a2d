"""Terms to Python source.

Only operators with one meaning in Z3 and in Python are translated. Integer division and modulo are not among
them: the two disagree on negative numbers. Anything else raises UnsupportedTermError when the machine is
compiled, not later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType

import z3

from .errors import UnsupportedTermError
from .language import Machine, Transition
from .sorts import ENUMS
from .terms import Term, free_names, per_term

INFIX = {
    z3.Z3_OP_EQ: " == ",
    z3.Z3_OP_AND: " and ",
    z3.Z3_OP_OR: " or ",
    z3.Z3_OP_LE: " <= ",
    z3.Z3_OP_LT: " < ",
    z3.Z3_OP_GE: " >= ",
    z3.Z3_OP_GT: " > ",
    z3.Z3_OP_ADD: " + ",
    z3.Z3_OP_SUB: " - ",
    z3.Z3_OP_MUL: " * ",
}
TEMPLATES = {
    z3.Z3_OP_TRUE: "True",
    z3.Z3_OP_FALSE: "False",
    z3.Z3_OP_NOT: "(not {0})",
    z3.Z3_OP_IMPLIES: "(not {0} or {1})",
    z3.Z3_OP_ITE: "({1} if {0} else {2})",
    z3.Z3_OP_UMINUS: "(-{0})",
    z3.Z3_OP_SELECT: "{0}[{1}]",
    z3.Z3_OP_STORE: "{0}.store({1}, {2})",
    z3.Z3_OP_CONST_ARRAY: "_TotalMap.constant({0})",
}


def to_python(term: Term, names: Mapping[str, str]) -> str:
    """Python source of a quantifier-free term.

    `names` maps each constant and function name in the term to the Python expression that reads it.
    Enumeration members become `_Sort.MEMBER`. Raises UnsupportedTermError for any other operator or name.
    """
    if not z3.is_app(term):
        raise UnsupportedTermError(f"quantifiers cannot be executed: {term}")
    kind = term.decl().kind()
    children = [to_python(child, names) for child in term.children()]
    if kind in INFIX:
        return infix(INFIX[kind], children)
    if kind in TEMPLATES:
        return TEMPLATES[kind].format(*children)
    translate = SPECIAL.get(kind)
    if translate is None:
        raise UnsupportedTermError(f"operator {term.decl().name()!r} is not in the executable language: {term}")
    return translate(term, children, names)


def infix(operator: str, children: list[str]) -> str:
    """`(a op b op c)`; an operator without operands cannot arise from Z3."""
    return "(" + operator.join(children) + ")"


def _distinct(_term: Term, children: list[str], _names: Mapping[str, str]) -> str:
    pairs = [f"{a} != {b}" for index, a in enumerate(children) for b in children[index + 1 :]]
    return infix(" and ", pairs)


def _numeral(term: Term, _children: list[str], _names: Mapping[str, str]) -> str:
    if not z3.is_int_value(term):
        raise UnsupportedTermError(f"only integers can be executed: {term}")
    return f"({term.as_long()})"


def _enum_member(term: Term, children: list[str], names: Mapping[str, str]) -> str:
    if children or term.sort().name() not in names:
        raise UnsupportedTermError(f"{term.sort()} is not an enumeration of the specification: {term}")
    return f"{names[term.sort().name()]}.{term.decl().name().upper()}"


def _uninterpreted(term: Term, children: list[str], names: Mapping[str, str]) -> str:
    name = term.decl().name()
    if name not in names:
        raise UnsupportedTermError(f"unknown name {name!r} in {term}")
    return f"{names[name]}({', '.join(children)})" if children else names[name]


SPECIAL: dict[int, Callable[[Term, list[str], Mapping[str, str]], str]] = {
    z3.Z3_OP_DISTINCT: _distinct,
    z3.Z3_OP_ANUM: _numeral,
    z3.Z3_OP_DT_CONSTRUCTOR: _enum_member,
    z3.Z3_OP_UNINTERPRETED: _uninterpreted,
}


def python_names(machine: Machine) -> dict[str, str]:
    """How compiled code reads the state before and after a step, constants, functions and enumerations.

    Names with a leading underscore are the compiler's; a machine may not use any.
    """
    names = {v.name: f"_before[{v.name!r}]" for v in machine.variables}
    names |= {f"{v.name}'": f"_after[{v.name!r}]" for v in machine.variables}
    names |= {str(c): f"_k_{c}" for c in machine.constants}
    names |= {f.name(): f"_f_{f.name()}" for f in machine.functions}
    return names | {name: f"_{name}" for name in ENUMS}


def function(name: str, params: tuple[str, ...], body: str) -> str:
    """Source of a function that returns one expression."""
    return f"def {name}({', '.join(params)}):\n    return {body}\n"


def source(machine: Machine) -> str:
    """The machine as a Python module.

    For a transition `act`, `enabled_act` and `updates_act` take the state's values and the parameters, as
    does one `guard_act_NAME` for each guard. Raises UnsupportedTermError for a term outside the language.
    """
    names = python_names(machine)
    return "\n".join(part for transition in machine.transitions for part in _parts(transition, names))


def _parts(transition: Transition, names: Mapping[str, str]) -> list[str]:
    names = {**names, **{name: name for name in transition.param_names}}
    params = ("_before", *transition.param_names)
    guards = {label: to_python(term, names) for label, term in transition.guards.items()}
    updates = ", ".join(f"{name!r}: {to_python(term, names)}" for name, term in transition.updates.items())
    return [
        *(function(f"guard_{transition.name}_{label}", params, body) for label, body in guards.items()),
        function(f"enabled_{transition.name}", params, " and ".join(guards.values()) or "True"),
        function(f"updates_{transition.name}", params, "{" + updates + "}"),
    ]


@per_term
def expression(term: Term, names: tuple[tuple[str, str], ...]) -> tuple[tuple[str, ...], CodeType]:
    """One term as the compiled function `term(before, after, *bindings)`, and the names of its bindings.

    `names` is `python_names` as items; every other constant in the term is a binding.
    """
    known = dict(names)
    bindings = tuple(sorted(free_names(term) - set(known)))
    body = to_python(term, {**known, **{name: name for name in bindings}})
    return bindings, compile(function("term", ("_before", "_after", *bindings), body), "<term>", "exec")


@lru_cache(maxsize=16)
def code(machine: Machine) -> CodeType:
    """The compiled module of a machine; a machine is translated once however many interpreters run it."""
    return compile(source(machine), f"<machine {machine.name}>", "exec")
