"""The second specification: many transactions with locks on resources, proved without bounds."""

import pytest
from typer.testing import CliRunner

from stratus_proofs import prove
from stratus_proofs.firing import dead
from stratus_sim.cli.app import app
from stratus_spec import Specification
from stratus_spec.examples.resource_locks import MACHINE, SPECIFICATION, UNCLAIMED


def test_it_is_proved_and_nothing_is_vacuous():
    report = prove(SPECIFICATION)
    assert [r.name for r in report.failures] == [] and report.unreached == ()
    assert len(report.results) > 300


@pytest.mark.parametrize("guard", MACHINE.guard_addresses)
def test_every_guard_is_needed(guard):
    weakened = prove(SPECIFICATION, without=(guard,), transitions=(guard.split(".")[0],))
    assert weakened.failures
    for failure in weakened.failures:
        assert failure.status == "refuted" and failure.counterexample.replay.agrees


def test_without_the_lock_two_transactions_write_one_resource():
    broken = {r.prop for r in prove(SPECIFICATION, without=("journal.locked",), transitions=("journal",)).failures}
    assert {"owner_holds_resource", "exclusive_resources"} <= broken
    broken = {r.prop for r in prove(SPECIFICATION, without=("acquire.free",), transitions=("acquire",)).failures}
    assert "locks_are_kept" in broken


def test_nothing_is_claimed_of_the_live_configuration():
    bolder = Specification(MACHINE, (*SPECIFICATION.properties, *UNCLAIMED), SPECIFICATION.settings)
    failures = prove(bolder, transitions=("commit",)).failures
    assert [r.name for r in failures] == ["commit:live_no_regression"]
    assert failures[0].counterexample.replay.agrees


def test_every_transition_can_happen():
    assert list(dead(SPECIFICATION)) == []


def test_the_command_line_proves_it():
    address = "stratus_spec.examples.resource_locks:SPECIFICATION"
    result = CliRunner().invoke(app, ["prove", "--spec", address])
    assert result.exit_code == 0 and "proved: " in result.stdout
