"""`stratus prove --infer`: from a bare safety property to an inductive invariant.

Candidates come from a grammar over the machine's declarations (`grammar.py`), those that a witness's run contradicts
are dropped (`observations.py`), the largest inductive set of the rest is computed and thinned to what the property
needs (`houdini.py`), and the prover proves the result without bounds. Where that fails, a lemma
the failing one leans on says enough only in scope: it is given up, and the search goes on without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import z3

from stratus_spec import Machine, Property, Specification

from ..prover import Report, prove
from .fragments import Fragment, fragment
from .grammar import Grammar, Lemma
from .houdini import TARGET, Houdini
from .observations import observe


@dataclass(frozen=True)
class Inference:
    """What was found. `lemmas` are needed, all of them, to prove `target` of the fragment; None: nothing suffices.

    `tried` candidates were built, `observed` agree with the witnesses' runs, `inductive` are so together. `report` is
    the unbounded proof of target and lemmas.
    """

    target: Property
    machine: Machine
    tried: int
    observed: int
    inductive: int
    lemmas: tuple[Lemma, ...] | None
    report: Report | None

    @property
    def ok(self) -> bool:
        """Lemmas were found, and all is proved."""
        return self.report is not None and not self.report.failures


def infer(specification: Specification, chosen: Fragment) -> Inference:
    """Strengthen a property to an inductive invariant of a fragment. Raises KeyError for an unknown name."""
    target = specification.prop[chosen.target]
    for name in chosen.variables:
        specification.machine.variable[name]
    machine = fragment(specification.machine, chosen.variables)
    tried, candidates = plausible(specification, machine)
    houdini = Houdini(machine, candidates, target)
    allowed = houdini.inductive()
    inductive = len(allowed)
    while (numbers := houdini.needed(allowed)) is not None:
        lemmas = tuple(candidates[n] for n in numbers)
        report = prove(as_specification(machine, target, lemmas), transitions=tuple(machine.transition))
        if not report.failures:
            return Inference(target, machine, tried, len(candidates), inductive, lemmas, report)
        number = {lemma.text: n for n, lemma in zip(numbers, lemmas, strict=True)}
        failure = report.failures[0]
        suspect = houdini.suspect(failure.transition, number.get(failure.prop, TARGET), set(numbers))
        if suspect == TARGET:
            break
        allowed -= {suspect}
    return Inference(target, machine, tried, len(candidates), inductive, None, None)


def plausible(specification: Specification, machine: Machine) -> tuple[int, tuple[Lemma, ...]]:
    """How many lemmas the grammar has, and those among them that no observed state contradicts and none makes idle."""
    grammar = Grammar(machine)
    seen = observe(specification, tuple(grammar.indexes.values()))
    atoms = [(atom, seen.mask(atom)) for atom in grammar.atoms]
    premises = [(premise, seen.mask(premise)) for premise in grammar.premises]
    # What happened to hold everywhere but need not initially may still hold under a premise.
    certain = {atom.get_id() for atom, where in atoms if where == seen.everywhere and initially(machine, atom)}
    always = [grammar.lemma(None, atom) for atom, _ in atoms if atom.get_id() in certain]
    sometimes = [(atom, where) for atom, where in atoms if where and atom.get_id() not in certain]
    bounding = {premise.get_id() for premise in grammar.bounding}
    implied = (
        grammar.lemma(premise, atom)
        for premise, when in premises
        if 0 != when != seen.everywhere
        for atom, where in sometimes
        if not when & ~where and (where != seen.everywhere or premise.get_id() in bounding)
    )
    found = {lemma.text: lemma for lemma in (*always, *implied) if lemma.plain}
    return len(atoms) * (1 + len(premises)), tuple(sorted(found.values(), key=lambda lemma: lemma.cost))


def initially(machine: Machine, atom: Any) -> bool:
    """Whether an atom holds in every initial state, of any size."""
    solver = z3.Solver()
    solver.set("rlimit", 1_000_000)
    solver.add(*(axiom.closed for axiom in machine.axioms))
    solver.add(*(machine.variable[name].term == term for name, term in machine.init.items()), z3.Not(atom))
    return bool(solver.check() == z3.unsat)


def as_specification(machine: Machine, target: Property, lemmas: tuple[Lemma, ...]) -> Specification:
    """The target and the lemmas as a specification of their own."""
    return Specification(machine, (target, *_properties(lemmas)))


def _properties(lemmas: tuple[Lemma, ...]) -> Iterator[Property]:
    for lemma in lemmas:
        yield Property(lemma.text, "invariant", lemma.text, lemma.term, z3.BoolVal(True), (), over=lemma.over)
