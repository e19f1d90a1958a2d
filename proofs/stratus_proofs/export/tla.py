"""A finite instance as a TLA+ module and TLC's configuration: a third reading of the same definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import z3

from stratus_spec import ENUMS, Property, TotalMap, Transition, UnsupportedTermError

from ..explicit.instance import Instance

INFIX = {
    z3.Z3_OP_EQ: "=",
    z3.Z3_OP_AND: "/\\",
    z3.Z3_OP_OR: "\\/",
    z3.Z3_OP_IMPLIES: "=>",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_MUL: "*",
}
TEMPLATES = {
    z3.Z3_OP_TRUE: "TRUE",
    z3.Z3_OP_FALSE: "FALSE",
    z3.Z3_OP_NOT: "(~ {0})",
    z3.Z3_OP_ITE: "(IF {0} THEN {1} ELSE {2})",
    z3.Z3_OP_UMINUS: "(- {0})",
    z3.Z3_OP_SELECT: "{0}[{1}]",
    z3.Z3_OP_STORE: "[{0} EXCEPT ![{1}] = {2}]",
}


def module(instance: Instance) -> dict[str, str]:
    """The files `NAME.tla` and `NAME.cfg` by name, NAME being the instance's.

    TLC checks the invariants as invariants and the step properties as assertions at the end of each step. Its number
    of distinct states is the explorer's. Raises UnsupportedTermError for a term outside the executable language.
    """
    return {
        f"{instance.name}.tla": "\n".join(_lines(instance)) + "\n",
        f"{instance.name}.cfg": _configuration(instance),
    }


def _configuration(instance: Instance) -> str:
    invariants = [f"INVARIANT Holds_{p.name}\n" for p in instance.properties if p.kind == "invariant"]
    return "".join(["INIT Init\n", "NEXT Next\n", *invariants])


def _lines(instance: Instance) -> Iterator[str]:
    machine, write = instance.machine, _Writer(instance)
    names = ", ".join(v.name for v in machine.variables)
    yield f"---- MODULE {instance.name} ----"
    yield "EXTENDS Integers, TLC"
    yield from (
        f"{name} == {_set(write.literal(label) for label in labels)}" for name, labels in instance.members.items()
    )
    yield from (f"{c} == {write.literal(instance.constants[str(c)], c.sort())}" for c in machine.constants)
    yield from (write.table(function) for function in machine.functions)
    yield f"VARIABLES {names}"
    yield from ["Init ==", *write.initial(), "Inside ==", *write.inside()]
    for transition in machine.transitions:
        yield from write.step(transition)
    yield from ["Next ==", *(f"  \\/ {write.taken(transition)}" for transition in machine.transitions)]
    yield from (f"Holds_{p.name} == {write.claim(p)}" for p in instance.properties if p.kind == "invariant")
    yield "===="


def _set(items: Iterable[str]) -> str:
    return "{" + ", ".join(items) + "}"


def _interval(allowed: range) -> str:
    return f"({allowed.start})..({allowed.stop - 1})"


class _Writer:
    """Terms and values of an instance as TLA+. Members of sorts and enumerations are strings, arrays are functions."""

    def __init__(self, instance: Instance) -> None:
        self.instance, self.machine = instance, instance.machine

    def term(self, term: Any) -> str:
        """A quantifier-free term; `x'` reads x after the step there as here."""
        kind, children = term.decl().kind(), [self.term(child) for child in term.children()]
        if kind in INFIX:
            return "(" + f" {INFIX[kind]} ".join(children) + ")" if children else str(kind == z3.Z3_OP_AND).upper()
        if kind in TEMPLATES:
            return TEMPLATES[kind].format(*children)
        if kind not in SPECIAL:
            raise UnsupportedTermError(f"operator {term.decl().name()!r} has no TLA+: {term}")
        return SPECIAL[kind](self, term, children)

    def literal(self, value: Any, sort: Any = None) -> str:
        """A value of the interpreter; `sort` is needed for arrays, whose keys it names."""
        if isinstance(value, TotalMap):
            return self.map("key", sort, self._by_key(value, sort))
        if isinstance(value, bool):
            return str(value).upper()
        return f"({value})" if isinstance(value, int) else f'"{value}"'

    def map(self, key: str, sort: Any, item: str) -> str:
        """The function of an array sort with this item for each key."""
        return f"[{key} \\in {self.domain(sort.domain())} |-> {item}]"

    def domain(self, sort: Any, name: str = "") -> str:
        """The set a variable or parameter of that name draws from; without a name, the keys of arrays."""
        if sort.kind() == z3.Z3_ARRAY_SORT:
            return f"[{self.domain(sort.domain())} -> {self.domain(sort.range(), name)}]"
        if sort.kind() == z3.Z3_INT_SORT:
            return _interval(self.instance.range(name) if name else self.instance.indexes)
        if sort.kind() == z3.Z3_BOOL_SORT:
            return "BOOLEAN"
        return _set(map(self.literal, ENUMS[sort.name()])) if sort.name() in ENUMS else str(sort.name())

    def table(self, function: Any) -> str:
        """A function as an operator that looks its arguments up."""
        given = [f"arg{i}" for i in range(function.arity())]
        domain = [function.domain(i) for i in range(function.arity())]
        rows = []
        for arguments, value in self.instance.rows(function):
            hit = [f"{g} = {self.literal(a, s)}" for g, a, s in zip(given, arguments, domain, strict=True)]
            rows.append(" /\\ ".join(hit) + f" -> {self.literal(value, function.range())}")
        return f"{function.name()}({', '.join(given)}) == CASE " + "\n  [] ".join(rows)

    def initial(self) -> Iterator[str]:
        """Conjuncts that an initial state satisfies, those of free variables first."""
        for variable in self.machine.variables:
            if variable.name not in self.machine.init:
                starts = self.instance.starts(variable.name)
                yield f"  /\\ {variable.name} \\in {_set(self.literal(value, variable.sort) for value in starts)}"
        yield from (f"  /\\ {name} = {self.term(term)}" for name, term in self.machine.init.items())

    def inside(self) -> Iterator[str]:
        """Conjuncts that a state after a step satisfies: integers are within bounds."""
        yield "  /\\ TRUE"
        for variable in self.machine.variables:
            yield from (f"  /\\ {bound}" for bound in self._bound(f"{variable.name}'", variable.name, variable.sort))

    def step(self, transition: Transition) -> Iterator[str]:
        """The operator that takes a transition."""
        given = f"({', '.join(transition.param_names)})" if transition.params else ""
        yield f"Step_{transition.name}{given} =="
        yield from (f"  /\\ {self.term(guard)}" for guard in transition.guards.values())
        for variable in self.machine.variables:
            yield f"  /\\ {variable.name}' = {self.term(transition.updates.get(variable.name, variable.term))}"
        yield "  /\\ Inside"
        for prop in self.instance.properties:
            if prop.kind == "step" and prop.where(transition):
                yield f'  /\\ Assert({self.claim(prop)}, "{prop.name}")'

    def taken(self, transition: Transition) -> str:
        """A transition with some arguments."""
        if not transition.params:
            return f"Step_{transition.name}"
        return f"\\E {self._bounded(transition.params)} : Step_{transition.name}({', '.join(transition.param_names)})"

    def claim(self, prop: Property) -> str:
        """A property for all values of its universal constants."""
        return f"(\\A {self._bounded(prop.over)} : {self.term(prop.term)})" if prop.over else self.term(prop.term)

    def _bounded(self, terms: Iterable[Any]) -> str:
        return ", ".join(f"{term} \\in {self.domain(term.sort(), str(term))}" for term in terms)

    def _by_key(self, value: TotalMap[Any, Any], sort: Any) -> str:
        literals = {key: self.literal(value[key], sort.range()) for key in self.instance.keys(sort)}
        return "CASE " + " [] ".join(f"key = {self.literal(key)} -> {item}" for key, item in literals.items())

    def _bound(self, term: str, name: str, sort: Any) -> Iterator[str]:
        if sort.kind() == z3.Z3_INT_SORT:
            yield f"{term} \\in {_interval(self.instance.range(name))}"
        elif sort.kind() == z3.Z3_ARRAY_SORT:
            for bound in self._bound(f"{term}[key]", name, sort.range()):
                yield f"\\A key \\in {self.domain(sort.domain())} : {bound}"


def _distinct(_write: _Writer, _term: Any, children: list[str]) -> str:
    pairs = [f"{a} # {b}" for index, a in enumerate(children) for b in children[index + 1 :]]
    return "(" + " /\\ ".join(pairs) + ")"


def _name(_write: _Writer, term: Any, children: list[str]) -> str:
    name = term.decl().name()
    return f"{name}({', '.join(children)})" if children else str(name)


def _member(write: _Writer, term: Any, _children: list[str]) -> str:
    sort = term.sort()
    names = [sort.constructor(i).name() for i in range(sort.num_constructors())]
    return write.literal(list(ENUMS[sort.name()])[names.index(term.decl().name())])


SPECIAL: dict[int, Callable[[_Writer, Any, list[str]], str]] = {
    z3.Z3_OP_DISTINCT: _distinct,
    z3.Z3_OP_UNINTERPRETED: _name,
    z3.Z3_OP_DT_CONSTRUCTOR: _member,
    z3.Z3_OP_ANUM: lambda _write, term, _children: f"({term.as_long()})",
    z3.Z3_OP_CONST_ARRAY: lambda write, term, children: write.map("key", term.sort(), children[0]),
}
