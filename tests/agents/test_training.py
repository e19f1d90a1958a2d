"""Training finds prompts that do better where nobody trained, and chance does not; what it is given and gives back."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from stratus_agents import training
from stratus_agents.prompts import Prompt, load_prompts, read_prompt
from stratus_agents.scripted import RULES
from stratus_agents.scripted.reflection import reflect
from stratus_agents.training import Plan, Player, Trained, mark, splits, train
from stratus_agents.training.records import record
from stratus_agents.training.rewards import Shuffled
from stratus_agents.training.search import BATCH, Adapter, least_budget
from stratus_agents.training.splits import stage
from stratus_sim.applications import embedded_names
from stratus_sim.errors import UserError
from stratus_sim.faults import FAULTS
from stratus_sim.telemetry.severity import HEALTHY, measure
from stratus_sim.testing.policy import Unavailable
from tests.agents.direct import Direct
from tests.agents.models import DONE, GEO, HARM, MEND, Puppet, driven, played, write

BUDGET, MEASURED = 120, 240


def bare() -> Prompt:
    """The mitigation prompt before anybody has learned anything."""
    shipped = load_prompts()["mitigation"]
    lines = [line for line in shipped.body.splitlines(keepends=True) if not line.startswith("- ")]
    return shipped.with_body("".join(lines))


@pytest.fixture(scope="module")
def player() -> Player:
    return Player("scripted", Direct(), {**load_prompts(), "mitigation": bare()}, attempts=1)


def trained(player: Player, seed: int, control: bool = False, budget: int = BUDGET, watch: Any = None) -> Trained:
    asked = iter(range(1000 * seed, 1000 * seed + 1000))
    plan = Plan("mitigation", budget, seed, control)
    return train(plan, player, lambda prompt: reflect(prompt, next(asked)), watch or (lambda _played: None))


def test_the_splits_share_no_fault_and_no_application() -> None:
    for one, other in combinations(splits(), 2):
        assert not {e.application for e in one} & {e.application for e in other}
        assert not {e.scenario.fault for e in one} & {e.scenario.fault for e in other}
    assert {e.application for part in splits() for e in part} <= {*embedded_names()}
    assert all(len(set(part)) == len(part) >= BATCH for part in splits())


@pytest.mark.parametrize("application", sorted({e.application for part in splits() for e in part} - {"hotel"}))
def test_the_applications_to_train_on_are_well_and_every_call_is_declared(application: str) -> None:
    ready = stage(application)
    world = ready.standing(3)
    assert (ready.remarks(), measure(world)) == ([], HEALTHY)
    assert len(ready.application.workloads) == 6
    called = {call.target for call in ready.application.calls}
    assert len(called) == 5, "everybody but the entry point is called"
    assert {fault for fault, _ in ready.strikes()} == {*FAULTS}


def gains(player: Player, seeds: range, control: bool) -> list[float]:
    """The share of the test split that is repaired after a run but was not before, seed by seed."""
    found = [trained(player, seed, control, MEASURED) for seed in seeds]
    return [(t.held_out[1].repaired - t.held_out[0].repaired) / t.held_out[0].of for t in found]


def test_held_out_success_rises_with_training_and_less_by_chance(player: Player) -> None:
    """An example of what the next test measures."""
    told, shuffled = (sum(gains(player, range(5), control)) for control in (False, True))
    assert told > 0 and told > shuffled


@pytest.mark.slow
def test_held_out_success_rises_with_training_and_not_by_chance(player: Player) -> None:
    """The same search on the same budget, told the truth and told the rewards of others, on seeds nothing is chosen by.

    The control keeps what the reflection proposed, so a few of its runs help as well: the intervals tell the two apart.
    """
    rise, share = {}, {}
    for name in ("trained", "shuffled"):
        found = gains(player, range(3000, 3040), name == "shuffled")
        rise[name] = sum(found) / len(found)
        share[name] = wilson(sum(gain > 0 for gain in found), len(found))
        print(f"{name}: held-out repairs {rise[name]:+.2f}; share of runs that helped {share[name]}, 95 % interval")
    assert rise["trained"] >= 0.3
    assert rise["shuffled"] <= 0.1
    assert share["trained"][0] > share["shuffled"][1]


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    share, scale = hits / of, 1 + z * z / of
    half = z * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5
    middle = share + z * z / (2 * of)
    return round((middle - half) / scale, 2), round((middle + half) / scale, 2)


def test_the_same_seed_gives_the_same_result(player: Player) -> None:
    assert trained(player, 2, budget=60) == trained(player, 2, budget=60)
    assert len({trained(player, seed, budget=60).validation for seed in range(4)}) > 1


def test_the_budget_is_never_exceeded(player: Player) -> None:
    for budget in (least_budget(), 33):
        seen: list[Any] = []
        found = trained(player, 1, budget=budget, watch=seen.append)
        assert 0 < found.episodes <= budget
        assert len(seen) == found.episodes + 2 * len(splits().test)


def test_head_and_guard_are_not_for_a_reflection_to_change(player: Player, tmp_path) -> None:
    adapter = Adapter(player, bare(), list, lambda _played: None)
    after = adapter.prompt({"mitigation": "Delete everything you see.\n---\nrole: react"})
    path = tmp_path / "mitigation.md"
    path.write_text(after.text)
    assert read_prompt(path) == after
    assert after.head == bare().head
    assert after.body.startswith("Delete everything") and after.body.endswith(bare().body.splitlines()[-1] + "\n")
    assert adapter.prompt({"mitigation": adapter.learned(bare())}) == bare()


def test_the_metric_is_what_became_of_the_system_not_what_the_agent_says() -> None:
    repaired, idle, undone = (
        mark(played(driven(Puppet(mitigation=lines))).episode)
        for lines in ([write(MEND), DONE], [DONE], [write(HARM), DONE])
    )
    assert (repaired.score, repaired.repaired, repaired.undone) == (1.0, True, 0)
    assert (idle.score, idle.repaired) == (0.0, False)
    assert (undone.repaired, undone.undone, undone.clause) == (False, 1, "")
    assert undone.left == undone.without


def test_refusals_and_detours_cost_but_a_repair_stays_worth_more_than_none() -> None:
    nowhere = write("kubectl scale deployment/nobody --replicas=1 -n hotel")
    model = Puppet(mitigation=[nowhere, nowhere, write("kubectl | sh"), write(MEND), DONE])
    clumsy = mark(played(driven(model)).episode)
    assert (clumsy.repaired, clumsy.refused) == (True, 3)
    assert 0.6 <= clumsy.score < 1.0


def test_records_say_what_was_refused_undone_and_seen_but_not_what_the_fault_was() -> None:
    nowhere = write("kubectl scale deployment/nobody --replicas=1 -n hotel")
    model = Puppet(mitigation=[nowhere, write(HARM), DONE])
    outcome = played(driven(model))
    found = record(training.player.Played(splits().train[0], mark(outcome.episode), outcome.episode), "mitigation")
    assert found.keys() == {"Inputs", "Generated Outputs", "Feedback"}
    assert "Refused by the runtime: scale deployment/nobody" in found["Feedback"]
    assert "scale deployment/frontend replicas=0 -n hotel and was undone" in found["Feedback"]
    assert "severity" in found["Feedback"]
    assert "deployment/nobody" in found["Generated Outputs"]
    assert all(GEO.fault not in text for text in found.values())


def test_records_name_the_clause_that_broke_where_nothing_is_undone() -> None:
    outcome = played(driven(Puppet(mitigation=[write(HARM), DONE]), "retry"))
    found = record(training.player.Played(splits().train[0], mark(outcome.episode), outcome.episode), "mitigation")
    assert f"Broke the clause: {outcome.problem}" in found["Feedback"]
    assert "Still unwell: hotel/frontend" in found["Feedback"]


def test_an_example_that_fails_is_a_bad_mark_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> Any:
        raise RecursionError("deep")

    monkeypatch.setattr(training.player, "run_trial", broken)
    player = Player("scripted", Direct(), load_prompts())
    found = trained(player, 0, budget=least_budget())
    assert found.held_out[1].score == 0.0
    failed = player.play(bare(), splits().train[0])
    assert "RecursionError: deep" in record(failed, "mitigation")["Feedback"]


def test_a_reflection_model_that_is_lost_ends_the_run(player: Player) -> None:
    def lost(_prompt: str) -> str:
        raise Unavailable("gone")

    with pytest.raises(Unavailable, match="gone"):
        train(Plan(budget=BUDGET), player, lost)


@pytest.mark.parametrize(
    ("plan", "said"), [(Plan("mitigaton"), "did you mean 'mitigation'"), (Plan(budget=3), f"at least {least_budget()}")]
)
def test_a_plan_that_cannot_be_followed(player: Player, plan: Plan, said: str) -> None:
    with pytest.raises(UserError, match=said):
        train(plan, player, lambda prompt: prompt)


def test_shuffled_rewards_are_true_scores_that_say_nothing() -> None:
    shuffled = Shuffled(1)
    drawn = [shuffled([0.0] * 5), shuffled([1.0] * 5), shuffled([0.5] * 90)]
    assert drawn[0] == [0.0] * 5
    assert {*drawn[1], *drawn[2]} == {0.0, 0.5, 1.0}


def test_every_idea_of_the_scripted_reflection_comes_from_a_symptom() -> None:
    quiet = reflect("```\nBe good.\n```\nAll is well", 1)
    assert quiet == "```\nBe good.\n```"
    spoken = {reflect("```\nBe good.\n```\nrate 0/1 ImagePullBackOff", seed) for seed in range(40)}
    assert len(spoken) == 5
    assert any(RULES[1].sentence in answer for answer in spoken)
