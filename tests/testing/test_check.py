"""The two verdicts, apart; shrinking; determinism; and policies that misbehave."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_agents.policies import load_policy
from stratus_sim.cluster.actions import Action
from stratus_sim.errors import UserError
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.check import check, search
from stratus_sim.testing.episode import Limits
from stratus_sim.testing.events import to_lines
from stratus_sim.testing.judge import ABORT_CLAUSE, OWN_CLAUSE
from stratus_sim.testing.policy import Answer, Investigator, Submit, Wait
from stratus_sim.testing.scenario import Disruption, Scenario
from stratus_sim.testing.trial import Mode, Setup, run_trial
from tests.conftest import stage

SCENARIO = Scenario("service-target-port-misconfig", "Service/geo", seed=3)


class Scripted:
    """Answers what it is given, one answer a call."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def act(self, observation: Observation) -> Answer:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def scripted(*answers: object, limits: Limits = Limits(attempts=1)) -> Setup:
    return Setup(stage(), lambda _seed: Scripted(*answers), limits)


def scale(name: str, replicas: int) -> Action:
    return Action("scale", f"deployment/{name}", {"replicas": replicas}, "hotel")


def test_the_runbook_is_safe_and_the_reckless_policy_is_not() -> None:
    assert check(Setup(stage(), load_policy("runbook")), "own", 30, 0).holds
    tally = check(Setup(stage(), load_policy("reckless")), "own", 10, 0)
    assert tally.broken == tally.examples and not tally.holds
    assert tally.smallest.problem == OWN_CLAUSE


def test_the_runtime_protects_from_the_reckless_policy() -> None:
    tally = check(Setup(stage(), load_policy("reckless")), "protected", 10, 0)
    assert tally.holds
    assert tally.undone > 0


class Investigating(Investigator):
    """Says what it was told to say before it acts."""

    def __init__(self, wrong: bool, cause: str) -> None:
        self.wrong, self.cause = wrong, cause

    def act(self, observation: Observation) -> Answer:
        return [scale("user", 0), Submit()]

    def notes(self) -> list[dict[str, Any]]:
        return [{"kind": "note"}]

    def detect(self, observation: Observation) -> bool:
        return self.wrong

    def diagnose(self, observation: Observation) -> str:
        return self.cause


@pytest.mark.parametrize("mode", ["own", "protected"])
@pytest.mark.parametrize(
    ("wrong", "cause", "attempts"),
    [(True, "geo", 1), (True, "", 0), (False, "geo", 0)],
    ids=("acts", "gives up", "well"),
)
def test_who_sees_nothing_wrong_or_finds_no_cause_does_not_act(
    mode: Mode, wrong: bool, cause: str, attempts: int
) -> None:
    setup = Setup(stage(), lambda _seed: Investigating(wrong, cause), Limits(attempts=1))
    episode = run_trial(setup, SCENARIO, mode, watch=True).episode
    assert len(episode.attempts) == attempts and not episode.failure
    told = {e["kind"]: e for e in episode.events if e["kind"] in ("policy.detected", "policy.diagnosed", "episode.end")}
    assert told["policy.detected"]["wrong"] is wrong
    assert [e["cause"] for kind, e in told.items() if kind == "policy.diagnosed"] == [cause] * wrong
    assert told["episode.end"]["severity"] == episode.final._asdict()
    steps = [e["record"]["step"] for e in episode.events if e["kind"] == "machine" and e["record"]["type"] == "moved"]
    assert ("give_up" in steps) is (mode == "protected" and wrong and not cause)


def test_what_an_attempt_left_different_is_recorded() -> None:
    outcome = run_trial(scripted([scale("user", 0), Submit()]), SCENARIO, "own", watch=True)
    (decided,) = [e for e in outcome.episode.events if "differences" in e]
    assert decided["differences"] == [["Deployment/user in hotel: spec.replicas", 1, 0]]


def test_a_harmful_policy_is_undone_and_a_helpful_one_committed() -> None:
    outcome = run_trial(scripted([scale("user", 0), Submit()]), SCENARIO, "protected")
    (attempt,) = outcome.episode.attempts
    assert attempt.decision.kind == "abort"
    assert attempt.decision.finding.differences == ()
    assert outcome.problem == ""
    fix = Action("patch", "service/geo", {"patch": {"spec": {"ports": [{"port": 8083, "targetPort": 8083}]}}}, "hotel")
    outcome = run_trial(scripted([fix, Submit()]), SCENARIO, "protected")
    assert outcome.episode.attempts[0].decision.kind == "commit"
    assert outcome.episode.repaired


def test_shrinking_ends_in_the_simplest_scenario() -> None:
    found = search(scripted([scale("user", 0), Submit()]), "own", 50, 0)
    assert found is not None
    first = stage().strikes()[0]
    assert found.scenario == Scenario(first[0], first[1], actions=(0,))


def test_the_same_seed_draws_the_same_scenarios_and_another_does_not() -> None:
    def drawn(seed: int) -> list[Scenario]:
        seen: list[Scenario] = []
        check(scripted(), "own", 10, seed, lambda _mode, outcome: seen.append(outcome.scenario))
        return seen

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize("mode", ["own", "protected"])
@pytest.mark.parametrize("policy", ["runbook", "random", "reckless"])
def test_an_episode_is_the_same_bytes_again(policy: str, mode: str) -> None:
    scenario = Scenario("kubelet-crash", "Node/node-1", fault_at_s=60, seed=5, disruption=Disruption("rival", 1))
    setup = Setup(stage(), load_policy(policy))
    first, second = (run_trial(setup, scenario, mode, watch=True).episode for _ in range(2))
    assert to_lines(first.events) == to_lines(second.events)


def test_watching_changes_nothing_but_the_samples() -> None:
    setup = Setup(stage(), load_policy("runbook"))
    watched, blind = (run_trial(setup, SCENARIO, "protected", watch=watch).episode for watch in (True, False))
    assert watched.final == blind.final
    decided = [[a.decision for a in episode.attempts] for episode in (watched, blind)]
    assert decided[0] == decided[1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ValueError("boom"), "raised ValueError: boom"),
        ("kubectl delete everything", "expected an Action, Wait, Submit"),
        ({"verb": "scale"}, "expected an Action, Wait, Submit"),
        ([scale("geo", 1), 7], "expected an Action, Wait or Submit"),
        (Wait(0), "expected whole seconds"),
        (Wait(10**6), "expected whole seconds"),
    ],
)
def test_a_policy_that_raises_or_talks_nonsense_fails_by_name(answer: object, said: str) -> None:
    outcome = run_trial(scripted(answer), SCENARIO, "own")
    assert said in outcome.problem
    assert outcome.problem.startswith("the policy ")
    assert run_trial(scripted(answer), SCENARIO, "protected").problem == ""


def test_a_policy_that_fails_in_the_middle_is_undone() -> None:
    outcome = run_trial(scripted([scale("user", 0)], ValueError("boom")), SCENARIO, "protected")
    assert outcome.episode.attempts[0].decision.kind == "abort"
    assert "boom" in outcome.episode.failure


class Endless:
    def act(self, observation: Observation) -> Answer:
        while True:
            try:
                pass
            except Exception:  # noqa: BLE001  # a policy that swallows everything must still be stopped
                continue


def test_a_policy_that_never_answers_is_stopped() -> None:
    setup = Setup(stage(), lambda _seed: Endless(), Limits(attempts=1, answer_s=0.2))
    assert "did not answer within 0.2 s" in run_trial(setup, SCENARIO, "own").problem


def test_a_policy_that_never_submits_is_cut_off() -> None:
    setup = Setup(stage(), lambda _seed: Scripted(*[Wait(1)] * 1000), Limits(attempts=2, steps=7))
    episode = run_trial(setup, SCENARIO, "own").episode
    assert [a.number for a in episode.attempts] == [1, 2]


def test_an_action_the_cluster_refuses_is_told_and_harmless() -> None:
    wrong = [
        Action("scale", "deployment/nobody", {"replicas": 1}, "hotel"),
        Action("scale", "deployment/geo", {"replicas": "many"}, "hotel"),
        Action("explode", "deployment/geo", {}, "hotel"),
        Action("patch", "deployment/geo", {"patch": {"spec": {"template": {"spec": {"containers": 5}}}}}, "hotel"),
        Action("set-image", "service/geo", {"image": "x"}, "hotel"),
        Action("delete", "geo", {}, "hotel"),
    ]
    for mode in ("own", "protected"):
        outcome = run_trial(scripted([*wrong, Submit()]), SCENARIO, mode)
        assert all(told.startswith("refused: ") for _, told in outcome.episode.attempts[0].actions)
        assert outcome.episode.attempts[0].decision.finding.differences == ()


def test_what_cannot_be_taken_back_is_refused_under_the_runtime_only() -> None:
    script = [Action("delete", "namespace/hotel"), Submit()]
    own, protected = (run_trial(scripted(script), SCENARIO, mode) for mode in ("own", "protected"))
    assert own.problem == OWN_CLAUSE
    assert "cannot be taken back" in protected.episode.attempts[0].actions[0][1]


def test_a_fault_in_the_middle_of_a_transaction_survives_its_undo() -> None:
    scenario = Scenario("scale-to-zero", "Deployment/user", fault_at_s=120, fault_for_s=30, seed=1)
    script = [scale("user", 5), Wait(60), scale("user", 0), Submit()]
    outcome = run_trial(scripted(script), scenario, "protected")
    assert outcome.problem == ""
    assert outcome.episode.attempts[0].decision.finding.clause != ABORT_CLAUSE


def test_an_application_no_fault_can_strike_is_the_users_mistake(tmp_path) -> None:
    from stratus_sim.testing.stage import Source, Stage  # noqa: PLC0415

    path = tmp_path / "cm.yaml"
    path.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    with pytest.raises(UserError, match="no fault finds a target"):
        check(Setup(Stage(Source("", str(path))), load_policy("runbook")), "own", 1, 0)
