"""Invariants are found, not only stated: from a bare property to lemmas that prove it, each of them needed."""

import pytest
import z3

from stratus_proofs import prove
from stratus_proofs.inference.fragments import FRAGMENTS, Fragment, fragment, offered
from stratus_proofs.inference.grammar import Grammar
from stratus_proofs.inference.infer import as_specification, infer
from stratus_proofs.inference.units import Units
from stratus_spec import MACHINE, SPECIFICATION
from tests.proofs.test_user_specification import PROVED


@pytest.fixture(scope="module")
def lock():
    return infer(SPECIFICATION, FRAGMENTS["lock"])


def proved(found, lemmas):
    """Whether the ordinary prover, without bounds, accepts these lemmas."""
    return not prove(
        as_specification(found.machine, found.target, lemmas), transitions=found.machine.transition
    ).failures


def test_the_lock_needs_lemmas_and_they_are_found(lock):
    assert lock.ok and lock.lemmas
    assert not proved(lock, ())
    assert proved(lock, lock.lemmas)


def test_every_lemma_is_needed(lock):
    for number in range(len(lock.lemmas)):
        assert not proved(lock, lock.lemmas[:number] + lock.lemmas[number + 1 :])


def test_observation_and_induction_drop_candidates(lock):
    assert lock.tried > lock.observed > lock.inductive > len(lock.lemmas)


def test_what_does_not_hold_is_not_found():
    lone = Fragment("terminal_is_clean", ("phase", "holder", "open"))
    without_guard = SPECIFICATION.without_guard("give_up.free")
    found = infer(without_guard, lone)
    assert found.lemmas is None and not found.ok


@pytest.mark.slow
def test_the_transaction_is_strengthened_too():
    found = infer(SPECIFICATION, FRAGMENTS["transaction"])
    assert found.ok and proved(found, found.lemmas)
    assert not proved(found, ())


def test_a_fragment_allows_more_than_the_machine():
    part = fragment(MACHINE, ("phase", "c"))
    land = part.transition["land"]
    assert not land.guards and str(land.updates["c"]) == "any_c"
    assert "phase" in part.transition["abort"].guards and "tick" not in part.transition


def test_kinds_follow_from_use():
    units = Units.of(MACHINE)
    assert units.kind(("value", "depth")) == units.kind(("key", "entry_field")) == units.kind(("item", "first"))
    assert units.kind(("value", "sent")) == units.kind(("key", "sent_token"))
    assert len({units.kind(("value", name)) for name in ("depth", "sent", "token", "n", "now")}) == 5


def test_the_grammar_compares_only_one_kind():
    atoms = {str(atom) for atom in Grammar(fragment(MACHINE, ("token", "depth", "sent", "first"))).atoms}
    assert "first[at_first] < depth" in atoms and "token < depth" not in atoms and "sent <= depth" not in atoms


def test_users_may_infer_any_of_their_properties():
    assert set(offered(PROVED)) == {"counts"} and set(FRAGMENTS) <= set(offered(SPECIFICATION))
    found = infer(PROVED, offered(PROVED)["counts"])
    assert found.ok and found.lemmas == () and z3.is_expr(found.target.term)
