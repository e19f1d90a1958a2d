"""Asking a policy, and making a case small: the rules without the world."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from stratus_sim.cluster.actions import Action
from stratus_sim.testing import check as checking
from stratus_sim.testing.check import check, fewest_actions
from stratus_sim.testing.guard import PolicyFailure, ask, create
from stratus_sim.testing.policy import Policy, Submit, Wait
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.trial import Outcome, Setup
from tests.conftest import stage


def policy(act: Callable[[Any], Any]) -> Policy:
    found: Any = SimpleNamespace(act=act)
    return found


def answer(value: Any, limit_s: float = 5) -> list[Any]:
    observation: Any = None
    return list(ask(policy(lambda _seen: value), observation, limit_s))


def test_what_is_taken_for_submitting_and_how_long_one_may_wait() -> None:
    assert answer(None) == answer([]) == answer(()) == [Submit()]
    assert answer(Wait(600)) == [Wait(600)]
    for seconds in (601, 0, -1, 1.5):
        with pytest.raises(PolicyFailure, match="from 1 to 600"):
            answer(Wait(seconds))  # type: ignore[arg-type]  # what a policy may write all the same


def test_more_steps_at_once_than_anybody_looks_ahead_are_refused_and_none_is_dropped() -> None:
    assert len(answer([Wait(1)] * 50)) == 50
    with pytest.raises(PolicyFailure, match="more than 50 steps at once"):
        answer([Wait(1)] * 51)


@pytest.mark.parametrize(("verb", "target"), [(3, "deployment/b"), ("scale", None), (b"scale", "deployment/b")])
def test_verb_and_target_are_text(verb: Any, target: Any) -> None:
    with pytest.raises(PolicyFailure, match="both are text"):
        answer(Action(verb, target))


def test_a_policy_that_cannot_be_made_is_a_failure_of_its_own() -> None:
    def factory(_seed: int) -> Policy:
        raise ValueError("no model")

    with pytest.raises(PolicyFailure, match="could not be created ValueError: no model"):
        create(factory, 0, 5)


def test_no_alarm_is_left_behind_and_none_is_needed_in_a_thread() -> None:
    before = signal.getsignal(signal.SIGALRM)
    answer(None)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(answer(None)))
    thread.start()
    thread.join()
    assert found == [Submit()]


def swallow_errors() -> Any:
    try:
        while True:
            pass
    except Exception:  # noqa: BLE001  # as a careless policy does
        return Submit()


def test_an_interrupt_is_no_error_a_policy_handles() -> None:
    observation: Any = None
    with pytest.raises(PolicyFailure, match="did not answer"):
        ask(policy(lambda _seen: swallow_errors()), observation, 0.05)


def outcome(actions: tuple[int, ...] | None, problem: str, kinds: tuple[str, ...] = ("commit",)) -> Outcome:
    attempts = [SimpleNamespace(actions=range(5), decision=SimpleNamespace(kind=kind)) for kind in kinds]
    episode: Any = SimpleNamespace(attempts=attempts, repaired=not problem)
    found: Any = SimpleNamespace(
        scenario=Scenario("f", "t", actions=actions), problem=problem, episode=episode, mode="own"
    )
    return found


def test_the_fewest_actions_that_break_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_setup: Setup, scenario: Scenario, _mode: str) -> Outcome:
        kept = set(scenario.actions or ())
        problem = "wanted" if {1, 3} <= kept else "another" if kept else ""
        return outcome(scenario.actions, problem)

    monkeypatch.setattr(checking, "run_trial", run)
    setup: Any = None
    assert fewest_actions(setup, outcome(None, "wanted")).scenario.actions == (1, 3)


def test_all_actions_stay_when_all_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_setup: Setup, scenario: Scenario, _mode: str) -> Outcome:
        return outcome(scenario.actions, "wanted" if len(scenario.actions or ()) == 5 else "")

    monkeypatch.setattr(checking, "run_trial", run)
    setup: Any = None
    assert fewest_actions(setup, outcome(None, "wanted")).scenario.actions == (0, 1, 2, 3, 4)


def test_a_case_that_does_not_break_again_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "run_trial", lambda _setup, scenario, _mode: outcome(scenario.actions, ""))
    setup: Any = None
    found = outcome(None, "wanted")
    assert fewest_actions(setup, found) is found


def test_the_first_case_of_a_policy_that_answers_otherwise_each_time_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Scenario] = []

    def run(_setup: Setup, scenario: Scenario, _mode: str) -> Outcome:
        seen.append(scenario)
        return outcome(None, "wanted" if seen.count(scenario) == 1 and scenario.seed > 50 else "")

    monkeypatch.setattr(checking, "run_trial", run)
    factory: Any = None
    told: list[Outcome] = []
    tally = check(Setup(stage(), factory), "own", 20, 0, lambda _mode, found: told.append(found))
    assert tally.broken and tally.smallest is next(found for found in told if found.problem)


@pytest.mark.parametrize("mode", ["own", "protected"])
def test_a_tally_counts_and_only_the_runtime_is_disrupted(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Scenario] = []

    def run(_setup: Setup, scenario: Scenario, _mode: str) -> Outcome:
        drawn.append(scenario)
        return outcome(None, "", ("abort", "commit") if len(drawn) % 2 else ("commit",))

    monkeypatch.setattr(checking, "run_trial", run)
    heard: list[str] = []
    factory: Any = None
    tally = check(Setup(stage(), factory), mode, 20, 0, lambda mode, _outcome: heard.append(mode))
    assert (tally.examples, tally.broken, tally.repaired, tally.undone) == (20, 0, 20, 10)
    assert heard == [mode] * 20
    assert bool([s for s in drawn if s.disruption]) is (mode == "protected")
