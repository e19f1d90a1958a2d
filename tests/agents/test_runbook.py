"""The runbook repairs what it knows and never makes anything worse: every verdict is against a fork without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_agents.policies import load_policy
from stratus_sim.faults import FAULTS, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.severity import measure, no_worse
from stratus_sim.testing.execution import Unprotected
from stratus_sim.testing.policy import Submit, Wait
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import World
from tests.agents.harness import SHOP, actions, outcome
from tests.conftest import stage

BEYOND_A_RUNBOOK = {
    "kubelet-crash",  # a lost node counts until somebody repairs it
    "configmap-missing",  # nobody knows what was in it
}


def spread(names: list[Any], count: int) -> list[Any]:
    return names[:: max(1, len(names) // count)][:count]


def struck(of: Stage, fault: str, target: str) -> World:
    return of.world(Scenario(fault, target))


def strikes(of: Stage, per_fault: int) -> list[tuple[str, str]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for fault, target in of.strikes():
        found.setdefault(fault, []).append((fault, target))
    return [strike for fault in found for strike in spread(found[fault], per_fault)]


@pytest.mark.parametrize(("fault", "target"), strikes(stage(), 3))
def test_every_fault_of_the_catalogue(fault: str, target: str) -> None:
    episode, with_it, without = outcome(struck(stage(), fault, target))
    assert episode.failure == ""
    assert episode.broken is None
    assert no_worse(with_it, without)
    assert without.scalar > 0
    assert (with_it.scalar == 0) == (fault not in BEYOND_A_RUNBOOK)


def test_eight_of_ten_are_repaired() -> None:
    assert len(FAULTS) >= 10
    assert len(FAULTS.keys() - BEYOND_A_RUNBOOK) >= 8
    assert FAULTS.keys() > BEYOND_A_RUNBOOK


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    strike=st.sampled_from(stage().strikes()),
    at_s=st.integers(0, 300),
    for_s=st.none() | st.integers(1, 400),
    load=st.sampled_from([100, 500, 1000, 2000, 3000]),
    seed=st.integers(0, 3),
)
def test_no_timing_or_load_makes_it_harm(
    strike: tuple[str, str], at_s: int, for_s: int | None, load: int, seed: int
) -> None:
    """Faults that come during an attempt, and faults that end by themselves between look and deed."""
    scenario = Scenario(*strike, at_s, for_s, load, seed)
    episode, with_it, without = outcome(stage().world(scenario), seed=seed)
    assert episode.failure == ""
    assert episode.broken is None
    assert no_worse(with_it, without)


def test_a_fault_that_ends_before_the_deed_is_not_brought_back(hotel: World) -> None:
    """The revision is named, so a late undo is refused instead of rolling back to the broken template."""
    key = FAULTS["image-pull-bad-tag"].targets(hotel)[0]
    inject.schedule(hotel, 0, "image-pull-bad-tag", key)
    hotel.run_for(90 * SECOND_US)
    [undo, *_] = load_policy("runbook")(0).act(observe(hotel))
    hotel.schedule(0, "fault.heal", "image-pull-bad-tag", key)
    hotel.run_for(30 * SECOND_US)
    execution = Unprotected(hotel)
    execution.begin()
    assert execution.act(undo).startswith("refused")
    assert measure(hotel).scalar == 0


def test_nothing_wrong_nothing_done(hotel: World) -> None:
    assert load_policy("runbook")(0).act(observe(hotel)) == Submit("nothing is wrong")


def test_what_it_cannot_mend_it_reports_after_two_more_looks(hotel: World) -> None:
    key = FAULTS["configmap-missing"].targets(hotel)[0]
    inject.schedule(hotel, 0, "configmap-missing", key)
    hotel.run_for(90 * SECOND_US)
    policy = load_policy("runbook")(0)
    looks = [policy.act(observe(hotel)) for _ in range(3)]
    assert looks[:2] == [Wait(30), Wait(30)]
    assert isinstance(looks[2], Submit)
    assert f'configmap "{key.name}" not found' in looks[2].reason


def test_no_attempt_is_repeated(hotel: World) -> None:
    """The same world shown again after an undo: the hypothesis that failed is not tried twice."""
    inject.schedule(hotel, 0, "scale-to-zero", FAULTS["scale-to-zero"].targets(hotel)[0])
    hotel.run_for(90 * SECOND_US)
    policy = load_policy("runbook")(0)
    first = policy.act(observe(hotel, attempt=1))
    assert isinstance(first, list)
    assert first[0].verb == "scale"
    assert policy.act(observe(hotel, attempt=2, feedback=("attempt 1: abort",))) == Wait(30)


@cache
def shared_stage(manifests: Path) -> Stage:
    return Stage(Source(manifests=str(manifests)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["online-boutique", "otel-demo", "hotel-reservation", "social-network", "bank-of-anthos", "k8s-examples-wordpress"],
)
def test_no_worse_on_applications_of_others(shared_manifests: Path, name: str) -> None:
    of = shared_stage(shared_manifests / name)
    for fault, target in strikes(of, 3):
        episode, with_it, without = outcome(struck(of, fault, target))
        assert (episode.failure, episode.broken) == ("", None), (fault, target)
        assert no_worse(with_it, without), (fault, target)


def test_application_of_somebody_else(small: Callable[..., World]) -> None:
    """No name of the embedded application is needed: two services with names of their own."""
    world = small(SHOP)
    assert measure(world).scalar == 0
    inject.schedule(
        world, 0, "service-target-port-misconfig", FAULTS["service-target-port-misconfig"].targets(world)[0]
    )
    episode, with_it, without = outcome(world)
    assert (with_it.scalar, without.scalar > 0) == (0, True)
    assert len(actions(episode)) == 1


def test_the_manifests_of_the_shop_load(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP)
    assert [c.target_key for c in describe(load(file)).calls] == ["shop/stock"]
