"""One episode step by step: who is asked, what time passes, what is recorded when, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stratus_sim.cluster.actions import Action
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.episode import FIRST_LOOK_US, Episode, Limits, play
from stratus_sim.testing.execution import Execution, Unprotected
from stratus_sim.testing.judge import OWN_CLAUSE
from stratus_sim.testing.policy import Answer, Investigator, Submit, Unavailable, Wait
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.scenario import Scenario
from stratus_sim.world import World
from tests.application.mesh import mesh

WELL, HARM = [Submit("done")], [Action("scale", "deployment/b", {"replicas": 0}), Submit("harmed")]


class Scripted(Investigator):
    """Answers detection, diagnoses and observations with what it was given, raising what is an error."""

    def __init__(self, detect: list[Any], diagnose: list[Any], act: list[Any]) -> None:
        self._answers = {"detect": detect, "diagnose": diagnose, "act": act}
        self.asked: list[tuple[str, int]] = []

    def _next(self, hook: str, seen: Observation) -> Any:
        self.asked.append((hook, seen.now_s))
        answer = self._answers[hook].pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def detect(self, observation: Observation) -> bool | Wait:
        return self._next("detect", observation)

    def diagnose(self, observation: Observation) -> str | Wait:
        return self._next("diagnose", observation)

    def act(self, observation: Observation) -> Answer:
        return self._next("act", observation)

    def notes(self) -> list[dict[str, Any]]:
        return []


def protected(world: World) -> Execution:
    return Protected(world, Scenario("none", "none"))


def played(policy: Scripted, execute: Callable[[World], Execution] = Unprotected, attempts: int = 1) -> Episode:
    return play(mesh("a>b"), lambda _seed: policy, 0, execute, Limits(attempts=attempts, steps=3))


def moved(episode: Episode) -> list[str]:
    records = [event["record"] for event in episode.events if event["kind"] == "machine"]
    return [record["step"] for record in records if record["type"] == "moved"]


def test_detector_and_diagnoser_may_wait_before_they_answer() -> None:
    policy = Scripted([Wait(60), True], [Wait(30), "b"], [WELL])
    episode = played(policy, protected)
    begun_s = 180 + FIRST_LOOK_US // SECOND_US
    times = [begun_s, begun_s + 65, begun_s + 70, begun_s + 105, begun_s + 110]
    assert policy.asked == list(zip(["detect", "detect", "diagnose", "diagnose", "act"], times, strict=True))
    assert (len(episode.attempts), episode.failure) == (1, "")


@pytest.mark.parametrize(
    ("detect", "diagnose", "last"), [([Wait(60), False], [], "all_clear"), ([True], [Wait(60), ""], "give_up")]
)
def test_who_waits_and_then_finds_nothing_does_not_act_and_the_machine_hears_of_it(
    detect: list[Any], diagnose: list[Any], last: str
) -> None:
    episode = played(Scripted(detect, diagnose, []), protected)
    assert (episode.attempts, episode.failure, moved(episode)[-1]) == ((), "", last)
    assert not episode.events[-1]["failure"]


def test_who_does_nothing_but_wait_has_failed() -> None:
    episode = played(Scripted([Wait(60)] * 3, [], []))
    assert (episode.attempts, episode.failure) == ((), "did nothing but wait 3 times")


@pytest.mark.parametrize("answer", ["yes", None, Submit(), [True]])
def test_who_is_asked_what_is_wrong_and_answers_something_else_has_failed(answer: Any) -> None:
    episode = played(Scripted([answer], [], []))
    assert episode.attempts == ()
    assert episode.failure.startswith(f"answered a {type(answer).__name__}: expected ")


def test_a_failure_within_an_attempt_ends_it_and_one_between_attempts_ends_the_episode() -> None:
    within = played(Scripted([True], ["b"], [HARM[:1], ValueError("oops")]))
    assert "ValueError: oops" in within.failure
    assert [a.decision.finding.clause for a in within.attempts] == [OWN_CLAUSE]
    between = played(Scripted([True], ["b", ValueError("oops")], [HARM]), attempts=3)
    assert "ValueError: oops" in between.failure
    assert [event["kind"] for event in between.events].count("attempt.decision") == len(between.attempts) == 1


def test_what_a_policy_needs_and_cannot_have_ends_the_run_with_nothing_left_open() -> None:
    world = mesh("a>b")
    policy = Scripted([True], ["b"], [HARM[:1], Unavailable("no model")])
    with pytest.raises(Unavailable, match="no model"):
        play(world, lambda _seed: policy, 0, protected)
    assert world.cluster.lease.holder == ""
    assert mesh("a>b").store.list("Deployment")[1].spec.replicas == world.store.list("Deployment")[1].spec.replicas


def test_steps_of_the_machine_are_recorded_when_they_are_taken() -> None:
    episode = played(Scripted([True], ["b"], [WELL]), protected)
    (attempt,) = episode.attempts
    machine = {e["record"].get("step"): e["time_us"] for e in episode.events if e["kind"] == "machine"}
    assert machine["begin"] == attempt.began_us < machine["commit"] == attempt.decided_us
    told = [event["kind"] for event in episode.events]
    assert told.index("attempt.begin") < told.index("policy.submit") < told.index("attempt.decision")


def test_a_look_at_the_severity_comes_at_the_end_of_what_passed() -> None:
    policy = Scripted([True], ["b"], [HARM])
    episode = played(policy)
    times = [e["time_us"] // SECOND_US for e in episode.events if e["kind"] == "severity"]
    assert times[:10] == [*range(190, 271, 10), 275], "ten seconds after the first instant, and after thinking"
    kinds = [event["kind"] for event in episode.events]
    assert kinds[kinds.index("policy.action") :][:3] == ["policy.action", "api.write", "severity"]


@pytest.mark.parametrize("execute", [Unprotected, protected])
def test_what_admission_refuses_is_told_and_is_no_failure(execute: Callable[[World], Execution]) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "default"}}
    world = mesh("a>b", extra=[quota | {"spec": {"hard": {"count/configmaps": "0"}}}])
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
    policy = Scripted([True], ["b"], [[Action("create", "configmap/c", {"manifest": config}), Submit()]])
    episode = play(world, lambda _seed: policy, 0, execute, Limits(attempts=1))
    ((_, told),) = episode.attempts[0].actions
    assert told.startswith("refused: ") and "exceeded quota" in told
    assert (episode.failure, episode.broken) == ("", None)
