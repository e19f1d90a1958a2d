"""The catalogue's proofs: all of them, and that each would fail if what it speaks of were otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from stratus_proofs import Budget
from stratus_proofs.catalogue import Report, check, question
from stratus_proofs.catalogue.lemmas import lemmas
from stratus_proofs.catalogue.rows import questions
from stratus_sim.cli.app import app
from stratus_spec import Reversibility
from stratus_spec.catalogue import CATALOGUE, VERB, Footprint, Row, Verb, guarded, losses, verbs
from stratus_spec.catalogue.losses import Facet


@pytest.fixture(scope="module")
def report() -> Report:
    return check()


def failed(*pairs: tuple[str, str]) -> set[str]:
    return set(check(tuple(CATALOGUE[pair] for pair in pairs)).failures)


def test_every_row_and_every_lemma_is_shown(report: Report) -> None:
    assert report.failures == ()
    assert report.ok
    assert {(entry.row.verb, entry.row.kind) for entry in report.entries} == set(CATALOGUE)
    assert all("restores" in {a.name for a in entry.answers} for entry in report.entries)
    assert {answer.said for answer in report.lemmas} == {"sat", "unsat"}


def test_the_class_is_proved_for_every_row(report: Report) -> None:
    shown = {
        Reversibility.REVERSIBLE: {"settles"},
        Reversibility.COMPENSABLE: {"settles", "condition_needed"},
    }
    for entry in report.entries:
        names = {answer.name for answer in entry.answers}
        needed = shown.get(entry.row.classification.reversibility)
        assert needed <= names if needed else names & {"no_undo", "no_condition"}, entry.row


def test_no_answer_is_no_proof() -> None:
    assert not check((CATALOGUE["scale", "Deployment"],), Budget(rlimit=1)).ok


def test_an_undo_that_knows_no_absence_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(before: z3.ExprRef, after: z3.ExprRef, now: z3.ExprRef) -> z3.ExprRef:
        return z3.If(z3.And(question.recorded(before, after), before != question.ABSENT), before, now)

    monkeypatch.setattr(question, "restored", kept)
    assert {"undo_restores", "added_removed", "same_fields", "label/Service:restores"} <= failed(("label", "Service"))


def test_an_undo_that_leaves_deleted_objects_deleted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(before: z3.ExprRef, after: z3.ExprRef, now: z3.ExprRef) -> z3.ExprRef:
        return z3.If(z3.And(question.recorded(before, after), after != question.ABSENT), before, now)

    monkeypatch.setattr(question, "restored", kept)
    found = failed(("delete", "Service"), ("create", "Service"))
    assert "delete/Service:restores" in found
    assert "create/Service:restores" not in found


@pytest.mark.parametrize(
    ("pattern", "wall"),
    [("metadata name", "identity"), ("metadata *", "server_set"), ("spec **", "immutable"), ("metadata **", "one_way")],
)
def test_a_footprint_that_reaches_too_far_is_caught(pattern: str, wall: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Verb("scale", "", verbs.Scope.UPDATE, Footprint((pattern,)), "")
    monkeypatch.setitem(VERB, "scale", wide)
    assert f"scale/Deployment:keeps_off:{wall}" in failed(("scale", "Deployment"))


@pytest.mark.parametrize(
    ("facet", "milder", "pair", "name"),
    [
        (Facet.STANDING, Reversibility.REVERSIBLE, ("scale", "Deployment"), "settles"),
        (Facet.HELD, Reversibility.COMPENSABLE, ("set-image", "StatefulSet"), "settles"),
        (Facet.DATA, Reversibility.COMPENSABLE, ("delete", "Namespace"), "settles"),
        (Facet.STAMP, Reversibility.COMPENSABLE, ("label", "Service"), "condition_needed"),
        (Facet.STANDING, Reversibility.IRREVERSIBLE, ("scale", "Deployment"), "no_condition"),
    ],
)
def test_a_class_that_does_not_follow_is_caught(
    facet: Facet, milder: Reversibility, pair: tuple[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(losses._CLASS, facet, milder)
    assert f"{pair[0]}/{pair[1]}:{name}" in failed(pair)


STEPS = st.sampled_from(
    ["spec", "metadata", "template", "containers", "[web]", "[]", "{}", "image", "env", "name", "labels", "x", "[", "["]
)
FOOTPRINTS = sorted(
    {verb.writes for verb in VERB.values()} | {wall.fields for kind in ("Service", "Node") for wall in guarded(kind)},
    key=lambda footprint: footprint.patterns,
)


def paths(footprint: Footprint) -> st.SearchStrategy[tuple[str, ...]]:
    """Paths near a footprint: a pattern with some steps filled in, cut off or drawn out."""

    def filled(pattern: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
        return st.tuples(*(st.just(step) | STEPS for step in pattern))

    near = st.sampled_from(footprint.exact or ((),)).flatmap(filled)
    return st.builds(lambda head, tail: (*head, *tail), near | st.just(()), st.lists(STEPS, max_size=4))


@pytest.mark.parametrize("footprint", FOOTPRINTS, ids=lambda footprint: footprint.patterns[:1])
def test_the_solver_reads_footprints_as_the_runtime_does(footprint: Footprint) -> None:
    @settings(max_examples=30, deadline=None, database=None, derandomize=True)
    @given(paths(footprint))
    def agree(path: tuple[str, ...]) -> None:
        solver, term = z3.Solver(), z3.Const("path", question.PATH)
        solver.add(question.length(term) == len(path))
        solver.add(*(question.step(term, i) == z3.StringVal(step) for i, step in enumerate(path)))
        solver.add(question.covers(footprint, term) != footprint.covers(path))
        assert solver.check() == z3.unsat

    agree()


def asked() -> Iterator[question.Question]:
    yield from lemmas()
    for pair in (("set-env", "Deployment"), ("delete", "Namespace"), ("patch", "Node")):
        yield from questions(CATALOGUE[pair])


@pytest.mark.parametrize("found", list(asked()), ids=lambda found: found.name)
def test_questions_survive_smt_lib(found: question.Question) -> None:
    solver = z3.Solver()
    solver.from_string(found.smt2())
    assert str(solver.check()) == found.expected


def test_a_row_without_losses_is_reversible_without_leaving_a_stamp() -> None:
    names = [found.name for found in questions(Row("cordon", "Node", (), None))]
    assert "settles" in names and "leaves_stamp" not in names


def test_the_command_prints_the_catalogue() -> None:
    ran = CliRunner().invoke(app, ["prove", "--catalogue", "--format", "json"])
    found = json.loads(ran.stdout)
    assert (ran.exit_code, found["ok"], found["failures"]) == (0, True, [])
    (row,) = [row for row in found["rows"] if (row["verb"], row["kind"]) == ("set-probes", "Deployment")]
    assert (row["class"], row["condition"]) == ("compensable", "rollable")
    assert any("pods are replaced" in text for text in row["not_restored"])
    text = CliRunner().invoke(app, ["prove", "--catalogue"]).stdout
    assert "every row is proved" in text
    assert all(verb in text for verb in VERB)
