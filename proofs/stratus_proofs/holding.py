"""What still holds without a guard: the largest part of the claims that induction proves of the weakened machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import z3

from stratus_spec import ANY, Property, Specification
from stratus_spec.properties.vocabulary import SENT
from stratus_spec.state import depth, waiting

from .prover import Budget, failing
from .theorems import HEADLINES

BUDGET = Budget(timeout_ms=2_000)
LEMMAS = (
    Property(
        "awaited_is_journaled",
        "invariant",
        "While an answer is awaited the journal has an entry.",
        z3.Implies(waiting, depth > 0),
        waiting,
        SENT,
    ),
)
"""Claims nobody needs while every guard is there, and some weakened machine rests on."""


@dataclass(frozen=True)
class Holding:
    """`kept` are properties of every run, of any length, without the guard; `given_up` the others."""

    kept: tuple[str, ...]
    given_up: tuple[str, ...]

    @property
    def harmless(self) -> bool:
        """Whether no run harms the cluster by the paper's measure: TNR at every decision, health at the end."""
        return set(HEADLINES) <= set(self.kept)

    def __str__(self) -> str:
        told = "TNR at commit and abort and health at the end" if self.harmless else f"{len(self.kept)} properties"
        return (
            f"{told} still hold without it, by induction, for runs of any length; "
            f"what it breaks is {', '.join(self.given_up)}"
        )


@lru_cache(maxsize=4)
def holding(weak: Specification) -> Holding:
    """Give up what fails, and then what rested on it, until the rest is inductive."""
    claimed = weak.claimed(ANY)
    kept: tuple[Property, ...] = (*claimed, *LEMMAS)
    while lost := failing(Specification(weak.machine, kept), BUDGET):
        kept = tuple(p for p in kept if p.name not in lost)
    names = [p.name for p in kept]
    return Holding(tuple(names), tuple(p.name for p in claimed if p.name not in names))
