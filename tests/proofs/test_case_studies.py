"""The published driver's gaps are found, hurt in the simulator, and are closed; the pages say what the tools say."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stratus_proofs.case_studies import CASES, as_json, lines, page, study
from stratus_proofs.harm.crew import Call
from stratus_proofs.harm.interpretation import BOUNDS, USUAL
from stratus_proofs.harm.play import Habit, Offence
from stratus_proofs.harm.recast import recasts
from stratus_proofs.harm.scenes import STRUCK, WRONG, Scene
from stratus_proofs.harm.theatre import Theatre
from stratus_proofs.reachable.decoding import Trace
from stratus_proofs.theorems import HEADLINES
from stratus_proofs.weakening import altered
from stratus_proofs.witness import Step
from stratus_spec import State, TotalMap

PAGES = Path(__file__).resolve().parents[2] / "proofs" / "case_studies"
QUICK = "g3"
OFFENCES = {"g10": Offence.UNKNOWN, "g11": Offence.ALTERED}
"""What the gap is where it is not a guard that the step would not pass."""


def words(text):
    """A page without the runs themselves: another version of the solver may find another run of the same length."""
    kept, inside = [], False
    for line in text.splitlines():
        if line == "```":
            inside = not inside
        elif not inside or " breaks in " in line or line.startswith("stratus "):
            kept.append(line)
    return kept


def examine(name, found):
    assert found.confirmed and found.failing
    assert found.trace.prop in HEADLINES
    assert found.played.beyond_trespass and found.played.shortest == found.trace.prop
    assert found.played.offences[found.played.parting] is OFFENCES.get(name, Offence.REFUSED)
    assert words((PAGES / f"{name}.md").read_text()) == words(page(found))
    text = lines(found)
    assert any("it hurts" in line for line in text)
    assert any(line.startswith("Repaired machine") and line.endswith("proved.") for line in text)
    assert json.loads(json.dumps(as_json(found)))["reenacted"]["harms"]


@pytest.fixture(scope="module")
def quick():
    return study(CASES[QUICK])


def test_a_case_is_what_its_page_says(quick):
    examine(QUICK, quick)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {QUICK}))
def test_every_case_is_what_its_page_says(name):
    examine(name, study(CASES[name]))


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
    assert altered(CASES[name].variant())


def on_stage(name):
    """A run of a case's variant, its first action begun."""
    case = CASES[name]
    play = Theatre(case.variant(), Scene(STRUCK, (WRONG,), case.interpretation, USUAL)).bare()
    while not play.state["running"]:
        assert play.honest()
    return play


def test_a_step_the_machine_does_not_know_is_an_offence():
    play = on_stage("g10")
    evict = Call("evict", {})
    assert not play.possible(evict) and play.offence(evict) is None
    assert play.tell(Call("tick", {"t": play.state["now"] + CASES["g10"].interpretation.constants["ttl_us"]}))
    assert play.offence(evict) is Offence.UNKNOWN and play.tell(evict)
    assert [*play.offences] == [len(play.told) - 1]


def test_a_step_with_another_effect_is_an_offence_where_the_effect_differs():
    play = on_stage("g11")
    human = Call("foreign", {"f": "profile", "v": 3})
    assert play.possible(human) and play.offence(human) is None
    assert play.tell(Call("journal", {"a": "mitigator", "tok": 1, "f": "profile"}))
    assert play.offence(human) is Offence.ALTERED


@pytest.mark.parametrize("cut", [0, 1])
def test_a_run_that_stops_before_the_gap_is_not_played(quick, cut):
    case, steps = CASES[QUICK], quick.trace.steps
    run = replace(quick.trace, steps=steps[: len(steps) - cut])
    theatres = [(Theatre(case.variant(), recast.scene), recast) for recast in recasts([run], case.interpretation)]
    played = [found for theatre, recast in theatres for found in theatre.recast(recast, Habit.ONCE)]
    assert bool(played) is not bool(cut)


def test_a_field_that_a_run_finds_absent_is_cast_as_one_that_is():
    interpretation = CASES["g9"].interpretation
    step = Step("foreign", {"f": "field0", "v": "value1"}, None)
    for label, names in (("absent", {"geo's nodeSelector"}), ("value0", {"geo", "profile"})):
        trace = Trace("", State({"c": TotalMap.constant(label), "now": 0}), (step,), {**BOUNDS, "nobody": ""}, {}, None)
        assert {recast.calls[0].params["f"] for recast in recasts([trace], interpretation)} == names
