"""Terms, and the names they use."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, TypeVar

import z3

Term: TypeAlias = Any  # Z3 ships no types: a term is a z3.ExprRef
Answer = TypeVar("Answer")

# Python collects a term in whatever thread it happens to run, and Z3 counts references without a lock: terms that go
# while another thread solves would corrupt it.
z3.Z3_enable_concurrent_dec_ref(z3.main_ctx().ref())


def per_term(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Remember a function's answers by the identity of its first argument, a term.

    Terms make poor dictionary keys, because `==` builds a formula. The term is kept beside its answer: Z3 reuses
    the id of a term that was collected.
    """
    known: dict[Any, tuple[Term, Answer]] = {}

    @wraps(function)
    def remembered(term: Term, *rest: Any) -> Answer:
        key = (term.get_id(), *rest)
        if key not in known:
            known[key] = term, function(term, *rest)
        return known[key][1]

    return remembered


@per_term
def free_names(term: Term) -> frozenset[str]:
    """Names of the uninterpreted constants in a term."""
    return frozenset(node.decl().name() for node in _uninterpreted(term) if not node.children())


@per_term
def used_functions(term: Term) -> frozenset[str]:
    """Names of the uninterpreted functions in a term."""
    return frozenset(node.decl().name() for node in _uninterpreted(term) if node.children())


@per_term
def _uninterpreted(term: Term) -> tuple[Term, ...]:
    found, seen, todo = [], set(), [term]
    while todo:
        node = todo.pop()
        if node.get_id() in seen:
            continue
        seen.add(node.get_id())
        if z3.is_app(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found.append(node)
        todo.extend(node.children())
    return tuple(found)
