"""Runs that break a headline hurt on the simulated cluster; the real lock refuses stale writes in them."""

from dataclasses import replace

import pytest

from stratus_proofs.reachable.necessity import hurting
from stratus_proofs.reachable.reenact import reenact
from stratus_proofs.weakening import weakened
from stratus_spec import ANY, SPECIFICATION, Specification


@pytest.fixture(scope="module")
def unowned():
    return hurting(weakened(SPECIFICATION, "ownership"), 8)


def test_undo_over_a_foreign_write_hurts(unowned):
    played = reenact(unowned)
    assert played.hurts and played.lost and played.ended == "retry"
    assert played.severity_with.scalar > played.severity_without.scalar
    assert "it hurts" in str(played) and played.as_json()["lost"]


def test_a_run_that_is_cut_short_does_not_hurt(unowned):
    harmless = replace(unowned, steps=unowned.steps[:4])
    assert not reenact(harmless).lost


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A1", "fencing"])
def test_the_real_lock_refuses_the_stale_write(name):
    played = reenact(hurting(weakened(SPECIFICATION, name)))
    assert played.hurts and "not the current one" in played.refused


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A2", "compare-and-set", "write-ahead", "validation", "ownership"])
def test_without_an_assumption_somebody_is_hurt(name):
    subject = weakened(SPECIFICATION, name)
    machine = Specification(subject.machine, subject.claimed(ANY))
    assert reenact(hurting(machine)).hurts
