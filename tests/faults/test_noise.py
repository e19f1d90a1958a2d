"""Background noise: off unless asked for, the same for a world and its fork, over by itself, and nowhere named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from stratus_sim.application import epochs
from stratus_sim.cluster import api, pods
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.status import CALM
from stratus_sim.errors import UserError
from stratus_sim.faults import noise
from stratus_sim.kernel import SECOND_US
from stratus_sim.kernel.log import Event, since
from stratus_sim.telemetry.alerts import firing
from stratus_sim.telemetry.observation import observe
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.check import check
from stratus_sim.testing.judge import configuration_difference
from stratus_sim.testing.policy import Submit
from stratus_sim.testing.record import contents, header_for, replay, save
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.trial import Outcome, Setup, run_trial
from stratus_sim.world import World
from tests.conftest import stage, standing
from tests.faults.test_faults import every
from tests.invariants.steady import steady
from tests.telemetry.test_observation import surfaces

HOUR_S = 3600
QUIET = Scenario("scale-to-zero", "Deployment/geo", seed=3)
NOISY = msgspec.structs.replace(QUIET, noise=True)


class Idle:
    """Looks and does nothing."""

    def act(self, _observation: object) -> Submit:
        return Submit("nothing to do")


IDLE = Setup(stage(), lambda _seed: Idle(), noise=True)


def made(world: World, since_length: int = 0) -> list[Event]:
    return [event for event in since(world.kernel.log, since_length) if event.kind == "noise"]


def noisy(seconds: int = HOUR_S, seed: int = 1) -> World:
    world = World(standing(seed))
    noise.start(world)
    world.run_for(seconds * SECOND_US)
    return world


def test_two_short_disturbances_every_five_minutes() -> None:
    world, began_us = noisy(), World(standing()).now_us
    events = made(world)
    windows = [(event.time_us - began_us) // noise.WINDOW_US for event in events]
    assert windows == [number // 2 for number in range(2 * HOUR_S * SECOND_US // noise.WINDOW_US)]
    assert {event.data["disturbance"] for event in events} == {*noise.DISTURBANCES}
    assert len({event.data["target"] for event in events}) > 5
    assert all(5 <= event.data["lasts_us"] / SECOND_US <= 20 for event in events)
    ends = [event.time_us + event.data["lasts_us"] for event in events]
    assert all(end < after.time_us for end, after in zip(ends, events[1:], strict=False))


def test_off_by_default_to_the_byte() -> None:
    world = stage().world(QUIET)
    assert not [t for t in world.kernel.timers.values() if t.handler.startswith("noise")]
    outcome = run_trial(IDLE, QUIET, "own", watch=True)
    assert b"noise" not in contents(header_for(IDLE, "idle", outcome), outcome)


@pytest.mark.parametrize("name", noise.DISTURBANCES)
def test_each_disturbs_and_is_over_by_itself(name: str) -> None:
    world = World(standing())
    world.run_for(60 * SECOND_US)
    before, calm = steady(world), epochs.current(world)
    unlucky = 0
    for number in range(12):
        fork = world.fork()
        noise.strike(fork, name, number, 20 * SECOND_US)
        unlucky += any(epochs.current(now) != calm for now in every(fork, 1, 20))
        fork.run_for(120 * SECOND_US)
        assert steady(fork) == before
        assert configuration_difference(world, fork) == ()
        assert all(node.status.strain == CALM for node in fork.store.list("Node"))
        assert len(fork.kernel.timers) == 0
    assert unlucky == 12


def test_it_takes_pods_from_who_has_some() -> None:
    """A disturbance that befell nobody would be one too few."""
    world = World(standing())
    struck = {number: _lost(world.fork(), number) for number in range(8)}
    victim = struck[0]
    api.put(world, strategic_merge(world.store.state.objects[victim].manifest, {"spec": {"replicas": 0}}), "test")
    world.run_for(60 * SECOND_US)
    without = {number: _lost(world.fork(), number) for number in struck}
    assert victim not in without.values()
    assert all(without[number] == found for number, found in struck.items() if found != victim)


def _lost(world: World, number: int) -> ObjectKey:
    """The Deployment that loses a pod."""
    before = {pod.key for pod in world.store.list("Pod") if pods.active(pod)}
    noise.strike(world, "lost pod", number, 5 * SECOND_US)
    (gone,) = before - {pod.key for pod in world.store.list("Pod") if pods.active(pod)}
    owner = pods.root_owner(world, world.store.state.objects[gone])
    assert owner is not None
    return owner


def test_no_hour_of_it_leaves_anything_behind_or_wakes_anybody() -> None:
    world = World(standing(2))
    before = steady(world)
    noise.start(world)
    for _ in range(120):
        world.run_for(30 * SECOND_US)
        assert not [alert for alert in firing(world) if alert.severity == "critical"]
    world.run_until(made(world)[-1].time_us + 60 * SECOND_US)
    assert (steady(world).pods, steady(world).requests) == (before.pods, before.requests)


def test_a_fork_that_went_another_way_meets_the_same() -> None:
    """Victims that are still there in both are struck in both, whatever else was added or taken away."""
    world = noisy(60)
    fork, length = world.fork(), world.kernel.log.length if world.kernel.log else 0
    api.delete(fork, ObjectKey("Deployment", "hotel", "geo"), "test")
    fork.run_for(20 * SECOND_US)
    for one in (world, fork):
        one.run_until(HOUR_S * SECOND_US)
    pairs = zip(made(world, length), made(fork, length), strict=True)
    others = [(a, b) for a, b in pairs if "geo in" not in a.data["target"]]
    assert len(others) > 15 and all(a == b for a, b in others)


def test_it_is_named_on_no_surface() -> None:
    world = World(standing())
    telling = re.compile("noise|disturb|strain|stolen|" + "|".join(noise.DISTURBANCES), re.IGNORECASE)
    calm = telling.findall(json.dumps(surfaces(observe(world))))
    for name in noise.DISTURBANCES:
        noise.strike(world, name, 1, 20 * SECOND_US)
        world.run_for(10 * SECOND_US)
        assert telling.findall(json.dumps(surfaces(observe(world)))) == calm == []
    assert telling.search(str(since(world.kernel.log, 0)))


def test_who_does_nothing_is_not_blamed_for_it() -> None:
    assert check(IDLE, "own", 25, 1).holds
    outcomes: list[Outcome] = []
    check(IDLE, "protected", 4, 1, lambda _mode, outcome: outcomes.append(outcome))
    assert len(outcomes) == 4
    assert all(outcome.scenario.noise is True and not outcome.problem for outcome in outcomes)


def test_a_noisy_episode_is_recorded_and_replayed(tmp_path: Path) -> None:
    outcome = run_trial(IDLE, NOISY, "protected", watch=True)
    assert "noise" in str(outcome.scenario)
    assert [event for event in outcome.episode.events if event["kind"] == "noise"]
    file = tmp_path / "noisy.jsonl"
    save(file, header_for(IDLE, "idle", outcome), outcome)
    header, again = replay(file, lambda _header, _events: IDLE.factory)
    assert (header.scenario, again.episode.events) == (NOISY, outcome.episode.events)
    quieted = file.read_bytes().replace(b'"noise":true', b'"noise":false', 1)
    file.write_bytes(quieted)
    with pytest.raises(UserError, match="other events"):
        replay(file, lambda _header, _events: IDLE.factory)


def test_it_shows_in_severity_while_it_lasts() -> None:
    calm = World(standing())
    sick = 0
    for number in range(20):
        fork = calm.fork()
        noise.strike(fork, "unreachable node", number, 20 * SECOND_US)
        fork.run_for(5 * SECOND_US)
        sick += measure(fork).requests > 0
    assert sick > 5
