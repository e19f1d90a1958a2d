"""The specification is proved, nothing in it is vacuous, and every guard is needed."""

import json
from dataclasses import replace

import pytest
import z3
from rich.console import Console

from stratus_proofs import Budget, as_json, prove, render
from stratus_proofs.render import counterexample_lines
from stratus_spec import INVARIANTS, MACHINE, PROPERTIES, Property
from stratus_spec.sorts import nobody
from stratus_spec.state import depth, first, holder, phase


@pytest.fixture(scope="module")
def report():
    return prove()


def test_every_obligation_is_proved(report):
    assert [r.name for r in report.failures] == []
    assert report.ok


def test_there_is_an_obligation_for_every_pair(report):
    names = {r.name for r in report.results}
    assert len(names) == len(report.results)
    lasting = [p for p in INVARIANTS if not p.quiet]
    assert {f"{t}:{p.name}" for t in ("init", *MACHINE.transition) for p in lasting} <= names


def test_framing_is_not_the_whole_proof(report):
    assert sum(not r.by_frame for r in report.results) > 400


def test_every_premise_is_reached_and_replayed(report):
    assert [w.prop for w in report.unreached] == []
    assert {w.prop for w in report.witnesses} == {p.name for p in PROPERTIES}


def test_witnesses_take_nearly_every_transition(report):
    taken = {name for witness in report.witnesses for name in witness.path}
    assert set(MACHINE.transition) - taken == {"all_clear", "give_up", "skip", "expire"}


def test_it_is_fast(report):
    assert report.seconds < 5


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
    "undo pops without restoring": (without_update("undo", "c"), "undo:write_ahead"),
    "undo keeps the entry's claim": (without_update("undo", "first"), "undo:owned_has_entry"),
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
    found = prove(machine, transitions=(broken.split(":")[0],))
    failure = next(r for r in found.failures if r.name == broken)
    assert failure.counterexample is not None and failure.counterexample.replay.agrees


def test_journal_after_write_is_refuted():
    found = prove(without=("write.journaled",), transitions=("write",))
    step = next(r for r in found.failures if r.prop == "write_ahead").counterexample
    assert "c" in step.changes


def claim(term, **options):
    return Property("claim", "invariant", "A false claim.", term, z3.BoolVal(True), ("start",), **options)


def test_a_false_property_is_refuted():
    found = prove(properties=(*INVARIANTS, claim(depth <= 1)), transitions=("journal",))
    (failure,) = found.failures
    assert failure.prop == "claim" and failure.status == "refuted"
    assert failure.counterexample.changes["depth"] == (1, 2)


def test_a_false_initial_claim_is_refuted():
    term = phase == MACHINE.transition["start"].updates["phase"]
    found = prove(properties=(claim(term),))
    assert [r.name for r in found.failures if r.transition == "init"] == ["init:claim"]
    assert next(r for r in found.failures if r.transition == "init").counterexample.replay.agrees


def test_an_unreachable_premise_is_reported():
    vacuous = replace(INVARIANTS[0], name="vacuous", premise=z3.And(depth > 0, first == z3.K(first.domain(), depth)))
    found = prove(properties=(*INVARIANTS, vacuous))
    assert [w.prop for w in found.unreached] == ["vacuous"] and not found.ok


def test_unknown_is_a_failure():
    found = prove(transitions=("journal", "undo"), budget=Budget(rlimit=1))
    assert found.failures and {r.status for r in found.failures} == {"unknown"} and not found.ok


def test_no_obligations_is_not_a_proof():
    assert not prove(properties=()).ok


def test_unknown_guards_and_transitions_are_named():
    with pytest.raises(KeyError, match=r"write\.fenced"):
        prove(without=("write.fence",))
    with pytest.raises(KeyError, match="wriet"):
        prove(transitions=("wriet",))


def test_counterexamples_print_as_differences():
    found = prove(without=("undo.owned",), transitions=("undo",))
    step = next(r for r in found.failures if r.prop == "owned_writes_only").counterexample
    lines = counterexample_lines(step)
    assert lines[0].startswith("step    undo(a=")
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
    moving = tuple(replace(p, quiet=False) for p in PROPERTIES)
    failing = {r.name for r in prove(properties=moving, transitions=("drift", "foreign")).failures}
    assert {"drift:quiet_bound", "foreign:quiet_shadow", "foreign:quiet_bound"} <= failing
