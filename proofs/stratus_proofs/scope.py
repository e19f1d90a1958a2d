"""Small scopes: the same question with two fields instead of any number.

A counterexample wants to be small and readable, and Z3 finds models of quantified arrays poorly. So
refutation happens in a finite scope: uninterpreted sorts become enumerations, quantifiers become conjunctions
over them, integers stay integers. A model in scope is a model of the original question; that nothing is found
in scope proves nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import z3

from stratus_spec import Axiom, Property

SIZES = {"Field": 2, "Value": 3, "Environment": 2, "Agent": 5, "Action": 2, "Attempt": 3, "Severity": 3}
OTHERS = 3
"""Members of a sort only users' specifications have."""
INDEXES = range(-1, 6)
"""Where statements about journal entries and requests are instantiated: at most six of each."""


def labels_in_scope(sort: str) -> list[str]:
    """What the members of an uninterpreted sort are called in scope: `field0`, `field1`."""
    return [f"{sort.lower()}{index}" for index in range(SIZES.get(sort, OTHERS))]


@dataclass(eq=False)
class Scope:
    """Translates terms over uninterpreted sorts to terms over enumerations `field0`, `field1`, ...

    Sorts are declared once per process, so there is one scope: `SCOPE`.
    """

    sorts: dict[str, Any] = field(default_factory=dict)
    members: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    cache: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def sort(self, sort: Any) -> Any:
        """The sort's counterpart in scope."""
        if sort.kind() == z3.Z3_ARRAY_SORT:
            return z3.ArraySort(self.sort(sort.domain()), self.sort(sort.range()))
        if sort.kind() != z3.Z3_UNINTERPRETED_SORT:
            return sort
        name = sort.name()
        if name not in self.sorts:
            self.sorts[name], members = z3.EnumSort(f"{name} in scope", labels_in_scope(name))
            self.members[name] = tuple(members)
        return self.sorts[name]

    def member(self, sort: Any, label: str) -> Any:
        """The member of a sort with that label."""
        return next(member for member in self.members_of(sort) if member.decl().name() == label)

    def labels(self, sort: Any) -> tuple[Any, ...]:
        """The members of an uninterpreted sort as their labels, and the numbers statements about integers are tried
        on."""
        if sort.kind() == z3.Z3_INT_SORT:
            return tuple(INDEXES)
        return tuple(member.decl().name() for member in self.members_of(self.sort(sort)))

    def values(self, sort: Any) -> tuple[Any, ...]:
        """All members of a sort of the specification in scope; of the integers, those an index may take."""
        if sort.kind() == z3.Z3_INT_SORT:
            return tuple(z3.IntVal(index) for index in INDEXES)
        if sort.kind() == z3.Z3_ARRAY_SORT:
            return tuple(self._arrays(sort))
        self.sort(sort)
        return self.members[sort.name()]

    def _arrays(self, sort: Any) -> Iterator[Any]:
        keys, items = self.values(sort.domain()), self.values(sort.range())
        for combination in itertools.product(items, repeat=len(keys)):
            array = z3.K(self.sort(sort.domain()), combination[0])
            for key, item in zip(keys[1:], combination[1:], strict=True):
                array = z3.Store(array, key, item)
            yield array

    def members_of(self, sort: Any) -> tuple[Any, ...]:
        """The members of a sort in scope."""
        return next(members for name, members in self.members.items() if self.sorts[name] == sort)

    def term(self, term: Any) -> Any:
        """The quantifier-free term's counterpart in scope."""
        if term.get_id() not in self.cache:
            self.cache[term.get_id()] = term, self._translate(term)
        return self.cache[term.get_id()][1]

    def all(self, statements: Iterable[Property | Axiom]) -> list[Any]:
        """Each statement for every member in scope."""
        return [instance for statement in statements for instance in self._instances(statement)]

    def _instances(self, statement: Property | Axiom) -> list[Any]:
        over = [self.term(constant) for constant in statement.over]
        domains = [self.values(constant.sort()) for constant in statement.over]
        body = self.term(statement.term)
        return [z3.substitute(body, *zip(over, values, strict=True)) for values in itertools.product(*domains)]

    def _translate(self, term: Any) -> Any:
        children = [self.term(child) for child in term.children()]
        declaration = term.decl()
        kind = declaration.kind()
        if kind == z3.Z3_OP_UNINTERPRETED:
            domain = [self.sort(declaration.domain(i)) for i in range(declaration.arity())]
            return z3.Function(declaration.name(), *domain, self.sort(declaration.range()))(*children)
        if kind == z3.Z3_OP_CONST_ARRAY:
            return z3.K(self.sort(term.sort().domain()), children[0])
        rebuild = REBUILD.get(kind)
        return rebuild(*children) if rebuild else declaration(*children)


REBUILD: dict[int, Any] = {
    z3.Z3_OP_EQ: lambda a, b: a == b,
    z3.Z3_OP_DISTINCT: z3.Distinct,
    z3.Z3_OP_ITE: z3.If,
    z3.Z3_OP_SELECT: z3.Select,
    z3.Z3_OP_STORE: z3.Store,
}

SCOPE = Scope()
