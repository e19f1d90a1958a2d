"""The specification is proved, nothing in it is vacuous, and every guard is needed."""

import json
import time
from dataclasses import replace

import pytest
import z3
from rich.console import Console

from stratus_proofs import Budget, as_json, prove, render
from stratus_proofs.render import counterexample_lines
from stratus_spec import ANY, MACHINE, PROPERTIES, SPECIFICATION, UNCLAIMED, MachineError, Property, Specification
from stratus_spec.sorts import nobody
from stratus_spec.state import depth, first, holder, phase

ALWAYS = tuple(p for p in PROPERTIES if p.setting == ANY)
INVARIANTS = tuple(p for p in ALWAYS if p.kind == "invariant")


def specification(machine=MACHINE, properties=INVARIANTS):
    return Specification(machine, properties)


@pytest.fixture(scope="module")
def proving():
    """The report, and the seconds one core worked for it."""
    started = time.process_time()
    return prove(), time.process_time() - started


@pytest.fixture(scope="module")
def report(proving):
    return proving[0]


def test_every_obligation_is_proved(report):
    assert [r.name for r in report.failures] == []
    assert report.ok


def test_there_is_an_obligation_for_every_pair(report):
    names = {r.name for r in report.results}
    assert len(names) == len(report.results)
    assert {f"{t}:{p.name}" for t in ("init", *MACHINE.transition) for p in INVARIANTS} <= names


def test_framing_is_not_the_whole_proof(report):
    assert sum(not r.by_frame for r in report.results) > 450


def test_every_premise_is_reached_and_replayed(report):
    assert [w.prop for w in report.unreached] == []
    assert {w.prop for w in report.witnesses} == {p.name for p in PROPERTIES}


def test_witnesses_take_nearly_every_transition(report):
    taken = {name for witness in report.witnesses for name in witness.path}
    assert set(MACHINE.transition) - taken == {"give_up", "refuse"}


def test_it_is_fast(proving):
    assert proving[1] < 10


@pytest.mark.parametrize("guard", MACHINE.guard_addresses)
def test_every_guard_is_needed(guard):
    weakened = prove(without=(guard,), transitions=(guard.split(".")[0],))
    assert weakened.failures and not weakened.ok
    for failure in weakened.failures:
        assert failure.status == "refuted"
        assert failure.counterexample is not None and failure.counterexample.replay.agrees


def with_updates(name, **updates):
    transition = MACHINE.transition[name]
    return MACHINE.with_transition(replace(transition, updates={**transition.updates, **updates}))


def without_update(name, *variables):
    transition = MACHINE.transition[name]
    kept = {key: term for key, term in transition.updates.items() if key not in variables}
    return MACHINE.with_transition(replace(transition, updates=kept))


MUTANTS = {
    "restore does nothing": (without_update("restore", "c"), "restore:restore_is_idempotent"),
    "pop keeps the entry's claim": (without_update("pop", "first"), "pop:owned_has_entry"),
    "a conflict is forgotten": (without_update("skip", "conflict"), "skip:conflict_is_recorded"),
    "an abort is forgotten": (without_update("abort", "failed"), "abort:failure_is_remembered"),
    "foreign writes keep the version": (without_update("foreign", "version"), "foreign:late_is_refused"),
    "take_over reuses the token": (without_update("take_over", "token"), "take_over:grant_is_fresh"),
    "reject keeps the lock": (without_update("reject", "holder"), "reject:undoer_undoes"),
    "reject leaves the action in flight": (
        without_update("reject", "running"),
        "reject:action_in_mitigation",
    ),
    "a foreign write is still ours": (without_update("foreign", "first"), "foreign:foreign_is_kept"),
    "a foreign write keeps the decision": (
        without_update("foreign", "phase"),
        "foreign:commit_no_regression",
    ),
    "act does not count": (without_update("act", "n"), "act:one_action_at_a_time"),
    "commit keeps the journal": (without_update("commit", "depth", "first"), "commit:journal_depth"),
    "nobody may hold the lock": (
        MACHINE.with_transition(
            replace(
                MACHINE.transition["begin"],
                guards={
                    **MACHINE.transition["begin"].guards,
                    "holder": holder == z3.Const("a", nobody.sort()),
                },
            )
        ),
        "begin:phase_roles",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutated_machines_are_refuted(mutant):
    machine, broken = MUTANTS[mutant]
    found = prove(specification(machine, ALWAYS), transitions=(broken.split(":")[0],))
    failure = next(r for r in found.failures if r.name == broken)
    assert failure.counterexample is not None and failure.counterexample.replay.agrees


def test_journal_after_write_is_refuted():
    found = prove(without=("send.journaled",), transitions=("send",))
    step = next(r for r in found.failures if r.prop == "late_is_refused").counterexample
    assert step.changes["waiting"] == (False, True)


def claim(term, **options):
    return Property("claim", "invariant", "A false claim.", term, z3.BoolVal(True), ("start",), **options)


def test_a_false_property_is_refuted():
    found = prove(specification(properties=(*INVARIANTS, claim(depth <= 1))), transitions=("journal",))
    (failure,) = found.failures
    assert failure.prop == "claim" and failure.status == "refuted"
    assert failure.counterexample.changes["depth"] == (1, 2)


def test_a_false_initial_claim_is_refuted():
    term = phase == MACHINE.transition["start"].updates["phase"]
    found = prove(specification(properties=(claim(term),)))
    assert [r.name for r in found.failures if r.transition == "init"] == ["init:claim"]
    assert next(r for r in found.failures if r.transition == "init").counterexample.replay.agrees


def test_an_unreachable_premise_is_reported():
    vacuous = replace(INVARIANTS[0], name="vacuous", premise=z3.And(depth > 0, first == z3.K(first.domain(), depth)))
    found = prove(specification(properties=(*INVARIANTS, vacuous)))
    assert [w.prop for w in found.unreached] == ["vacuous"] and not found.ok


def test_unknown_is_a_failure():
    found = prove(transitions=("journal", "pop"), budget=Budget(rlimit=1))
    assert found.failures and {r.status for r in found.failures} == {"unknown"} and not found.ok


def test_no_obligations_is_not_a_proof():
    assert not prove(specification(properties=())).ok


def test_unknown_guards_and_transitions_are_named():
    with pytest.raises(KeyError, match=r"send\.fenced"):
        prove(without=("send.fence",))
    with pytest.raises(KeyError, match="wriet"):
        prove(transitions=("wriet",))


def test_counterexamples_print_as_differences():
    found = prove(without=("restore.owned",), transitions=("restore",))
    step = next(r for r in found.failures if r.prop == "owned_writes_only").counterexample
    lines = counterexample_lines(step)
    assert lines[0].startswith("step    restore(a=")
    assert any(line.startswith("change  c: {") and " → {" in line for line in lines)
    assert any("(disowned)" in line for line in lines)
    assert lines[-1] == "replay  interpreter agrees"


def test_reports_render_and_serialise(report):
    console = Console(width=120, record=True)
    render(report, console)
    text = console.export_text()
    assert "proved:" in text and "commit_tnr" in text
    data = json.loads(json.dumps(as_json(report)))
    assert data["ok"] and len(data["obligations"]) == len(report.results)


def test_failing_reports_say_so():
    found = prove(without=("approve.no_regression",), transitions=("approve",))
    console = Console(width=120, record=True)
    render(found, console)
    assert "refuted: approve:commit_no_regression" in console.export_text()
    assert json.loads(json.dumps(as_json(found)))["obligations"]


def test_quiet_properties_are_false_when_the_environment_moves():
    moving = tuple(replace(p, setting=ANY) for p in PROPERTIES if p.setting != "robust")
    found = prove(specification(properties=moving), transitions=("drift", "foreign"))
    failing = {r.name for r in found.failures}
    assert {"drift:quiet_bound", "foreign:quiet_shadow", "foreign:quiet_bound"} <= failing


@pytest.mark.parametrize("unclaimed", UNCLAIMED, ids=lambda p: p.name)
def test_what_is_not_claimed_does_not_hold(unclaimed):
    found = prove(specification(properties=(*ALWAYS, unclaimed)))
    broken = [r for r in found.failures if r.prop == unclaimed.name]
    assert broken and all(r.counterexample is not None and r.counterexample.replay.agrees for r in broken)
    assert {r.prop for r in found.failures} == {unclaimed.name}


def test_settings_restrict_the_machine():
    looser = MACHINE.without_guard("approve.window")
    with pytest.raises(MachineError, match="approve must be a transition of"):
        Specification(MACHINE, PROPERTIES, {**SPECIFICATION.settings, "quiet": looser})
