"""Small mistakes in a specification are noticed by its properties, or are proved to be none."""

import json
from dataclasses import replace

import pytest
import z3

from stratus_proofs.mutation.mutants import mutants, variants
from stratus_proofs.mutation.report import as_json
from stratus_proofs.mutation.score import Judge, score
from stratus_spec import MACHINE, SPECIFICATION, Axiom, Specification
from stratus_spec.sorts import leq
from stratus_spec.state import now, sigma
from tests.proofs.test_user_specification import HERE, LIMIT, PROVED, n

EVERY = 400


@pytest.fixture(scope="module")
def sample():
    judge = Judge(SPECIFICATION)
    return [judge.verdict(mutant) for mutant in judge.mutants[::EVERY]]


def test_a_sample_of_our_mutants_is_killed(sample):
    assert len(sample) == 1 + len(mutants(SPECIFICATION)) // EVERY
    assert [v.mutant for v in sample if v.status == "survived"] == []


@pytest.mark.slow
def test_every_mutant_of_ours_is_killed_or_equivalent():
    assert [v.mutant for v in score(workers=2).having("survived")] == []


def test_every_part_of_every_transition_is_mutated():
    changed = {(m.transition, m.part, m.label) for m in mutants(SPECIFICATION)}
    for transition in MACHINE.transitions:
        assert {(transition.name, "guard", label) for label in transition.guards} <= changed
        assert {(transition.name, "update", v.name) for v in MACHINE.variables} <= changed


def test_every_operator_is_used():
    assert {m.operator for m in mutants(SPECIFICATION)} == {"drop", "negate", "off by one", "swap", "stutter", "widen"}


def shown(term, *names):
    return {" ".join(str(z3.simplify(changed)).split()) for _, changed in variants(term, list(names))}


def test_bounds_move_by_one_both_ways():
    found = [changed for _, changed in variants(n.term < LIMIT, [])]
    for bound in (LIMIT + 1, LIMIT - 1):
        assert any(proves(changed == (n.term < bound)) for changed in found)


def proves(claim):
    solver = z3.Solver()
    solver.add(z3.Not(claim))
    return solver.check() == z3.unsat


def test_names_are_swapped_for_names_of_their_sort():
    swapped = {str(c) for operator, c in variants(n.term + 1, [n.term, LIMIT, now, sigma]) if operator == "swap"}
    assert swapped == {"LIMIT + 1", "now + 1"}


def test_arguments_of_one_sort_are_exchanged():
    s, t = z3.Consts("s t", leq.domain(0))
    assert "leq(t, s)" in {str(changed) for _, changed in variants(leq(s, t), [])}


def test_conjuncts_are_dropped_and_connectives_changed():
    p, q = z3.Bools("p q")
    found = shown(z3.And(p, q))
    assert {"p", "q", "Or(p, q)"} <= found


def verdict(specification, *expected):
    """The verdict on the one mutant whose name has all these parts."""
    [mutant] = [m for m in mutants(specification) if all(part in m.name for part in expected)]
    return Judge(specification).verdict(mutant)


def test_a_kill_names_the_obligation():
    found = verdict(SPECIFICATION, "send.journaled: drop", "(none)")
    assert found.status == "killed" and found.by.startswith("send:")


def test_a_change_no_property_sees_survives():
    assert verdict(SPECIFICATION, "give_up.now: widen").status == "killed"
    unseen = Specification(MACHINE, tuple(p for p in SPECIFICATION.properties if p.name == "journal_depth"))
    assert verdict(unseen, "give_up.now: widen").status == "survived"


def test_an_equivalent_mutant_is_proved_so():
    bounded = replace(PROVED.properties[0], name="bounded", term=n.term <= LIMIT, premise=n.term == LIMIT)
    machine = replace(PROVED.machine, axioms=(Axiom("there is a try", LIMIT > 0),))
    specification = Specification(machine, (*PROVED.properties, bounded))
    spent = next(m for m in mutants(specification) if m.label == "spent")
    # Tries never exceed the limit, so testing for equality is the same.
    assert Judge(specification).verdict(replace(spent, term=n.term == LIMIT)).status == "equivalent"
    assert Judge(PROVED).verdict(replace(spent, term=n.term == LIMIT)).status != "equivalent"


def test_a_transition_that_can_no_longer_happen_is_killed():
    blocked = next(m for m in mutants(PROVED) if m.label == "left")
    found = Judge(PROVED).verdict(replace(blocked, operator="swap", term=n.term < 0))
    assert (found.status, found.by) == ("killed", "firing")


def test_a_guard_that_allows_less_is_killed_by_a_witness():
    stingy = next(m for m in mutants(PROVED) if m.label == "left")
    found = Judge(PROVED).verdict(replace(stingy, operator="off by one", term=z3.And(n.term < LIMIT, n.term < 1)))
    assert (found.status, found.by) == ("killed", "witness:counts")


def test_the_artifact_is_the_same_for_any_number_of_workers():
    one, two = (score(f"{HERE}:PROVED", workers=workers) for workers in (1, 2))
    assert json.dumps(as_json(one)) == json.dumps(as_json(two))
    assert len(one.verdicts) == len(mutants(PROVED))
