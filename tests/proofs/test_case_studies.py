"""The published driver's gaps are found, hurt in the simulator, and are closed; the pages say what the tools say."""

import json
from pathlib import Path

import pytest

from stratus_proofs.case_studies import CASES, as_json, lines, page, study
from stratus_proofs.reachable.necessity import HEADLINES
from stratus_proofs.reachable.reenact import reenact
from stratus_spec import MACHINE

PAGES = Path(__file__).resolve().parents[2] / "proofs" / "case_studies"
QUICK = "g3"


def words(text):
    """A page without the run itself: another version of the solver may find another run of the same length."""
    kept, inside = [], False
    for line in text.splitlines():
        if line == "```":
            inside = not inside
        elif line.startswith("**Reenacted**"):
            kept.append(line.split("(field")[0])
        elif not inside or " breaks in " in line or line.startswith("stratus "):
            kept.append(line)
    return kept


def examine(name):
    found = study(CASES[name])
    assert found.confirmed and found.failing
    assert found.trace.prop in HEADLINES
    assert reenact(found.trace).hurts
    assert words((PAGES / f"{name}.md").read_text()) == words(page(found))
    assert any(line.startswith("Repaired machine") and line.endswith("proved.") for line in lines(found))
    assert json.loads(json.dumps(as_json(found)))["reenacted"]["hurts"]


def test_a_case_is_what_its_page_says():
    examine(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {QUICK}))
def test_every_case_is_what_its_page_says(name):
    examine(name)


def test_every_gap_has_a_page_and_every_page_a_gap():
    assert set(CASES) == {f"g{number}" for number in range(1, 12)}
    assert {path.stem for path in PAGES.glob("*.md")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_pages_carry_the_words_of_their_case(name):
    case, text = CASES[name], (PAGES / f"{name}.md").read_text()
    for part in (case.title, case.gap, case.model, case.repair, f"stratus prove --case {name}"):
        assert part in text


@pytest.mark.parametrize("name", CASES)
def test_a_variant_differs_from_the_machine(name):
    variant = CASES[name].variant()
    assert any(MACHINE.transition.get(t.name) is not t for t in variant.transitions)
