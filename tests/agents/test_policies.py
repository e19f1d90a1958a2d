"""The policies that ship: harmless, deterministic, destructive, each as its line in the table says."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_agents.policies import POLICIES, load_policy
from stratus_agents.policies.noise import VERBS
from stratus_sim.cluster.actions import Action, InvalidAction, effect
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import Observation, observe
from stratus_sim.telemetry.severity import measure, no_worse
from stratus_sim.testing.episode import play
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.policy import Submit
from stratus_sim.testing.scenario import Scenario
from stratus_sim.world import World
from stratus_spec.catalogue import VERBS as CATALOGUE_VERBS
from tests.conftest import stage


def looks(world: World, policy: str, seed: int, count: int) -> list[Any]:
    brain, seen = load_policy(policy)(seed), observe(world)
    return [brain.act(seen) for _ in range(count)]


def drawn(world: World, seed: int, count: int) -> list[Action]:
    return [step for answer in looks(world, "random", seed, count) for step in answer if isinstance(step, Action)]


def one_of_each() -> list[tuple[str, str]]:
    return list({fault: (fault, target) for fault, target in reversed(stage().strikes())}.values())


def test_do_nothing_does_nothing(hotel: World) -> None:
    assert looks(hotel, "do-nothing", 0, 2) == [Submit("left alone")] * 2


def test_random_is_decided_by_its_seed(hotel: World) -> None:
    assert looks(hotel, "random", 3, 20) == looks(hotel, "random", 3, 20)
    assert looks(hotel, "random", 3, 20) != looks(hotel, "random", 4, 20)


def test_random_tries_every_verb(hotel: World) -> None:
    assert set(VERBS) <= set(CATALOGUE_VERBS)
    assert {action.verb for action in drawn(hotel, 0, 200)} == set(VERBS)


def test_most_of_what_random_wants_is_valid(hotel: World) -> None:
    actions = drawn(hotel, 1, 200)
    assert len(actions) > 200
    refused = [action for action in actions if not _valid(hotel, action)]
    assert {action.verb for action in refused} <= {"rollout-undo"}, "a first revision has nothing to go back to"


def _valid(world: World, action: Action) -> bool:
    try:
        effect(world, action)
    except InvalidAction:
        return False
    return True


def test_random_survives_an_empty_cluster() -> None:
    nothing = observe(World.empty(stage().application))
    brain = load_policy("random")(0)
    answers = [brain.act(nothing) for _ in range(100)]
    verbs = {step.verb for answer in answers for step in answer if isinstance(step, Action)}  # type: ignore[union-attr]
    assert verbs == {"create"}


@pytest.mark.parametrize("strike", one_of_each(), ids=lambda strike: strike[0])
def test_reckless_does_harm_whatever_struck(strike: tuple[str, str]) -> None:
    world = stage().world(Scenario(*strike))
    without = world.fork()
    episode = play(world, load_policy("reckless"), 0, Unprotected, watch=False)
    without.run_until(world.now_us)
    assert episode.failure == ""
    assert episode.broken is not None
    assert not no_worse(measure(world), measure(without))


def test_reckless_goes_all_the_way(hotel: World) -> None:
    inject.schedule(hotel, 0, "scale-to-zero", FAULTS["scale-to-zero"].targets(hotel)[1])
    episode = play(hotel, load_policy("reckless"), 0, Unprotected, watch=False)
    done = {(action.verb, action.key.kind) for attempt in episode.attempts for action, _ in attempt.actions}
    assert {("scale", "Deployment"), ("rollout-restart", "Deployment")} <= done
    deleted = {kind for verb, kind in done if verb == "delete"}
    assert {"Service", "ConfigMap", "Deployment", "Namespace"} <= deleted


def test_reckless_is_deterministic(hotel: World) -> None:
    inject.schedule(hotel, 0, "kubelet-crash", FAULTS["kubelet-crash"].targets(hotel)[0])
    hotel.run_for(90 * SECOND_US)
    assert looks(hotel, "reckless", 1, 6) == looks(hotel, "reckless", 2, 6)


def test_every_policy_has_a_line_and_makes_fresh_ones(hotel: World) -> None:
    assert list(POLICIES) == ["do-nothing", "runbook", "random", "reckless"]
    for name, (factory, summary) in POLICIES.items():
        assert load_policy(name) is factory
        assert 10 < len(summary) < 80
        assert factory(0) is not factory(0)
        assert isinstance(observe(hotel), Observation)
        assert factory(0).act(observe(hotel)) == factory(0).act(observe(hotel))
