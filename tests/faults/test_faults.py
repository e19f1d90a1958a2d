"""Each fault has an effect that shows, an off switch that works, and strikes a world and its fork alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from stratus_sim.cluster import api
from stratus_sim.errors import UserError
from stratus_sim.faults import FAULTS, choose_target, everything, find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.judge import configuration_difference
from stratus_sim.world import World
from tests.conftest import SHARED, standing
from tests.faults.test_backends import WORLDS
from tests.invariants.steady import steady

NAMES = sorted(FAULTS)
SHOWS_WITHIN_S = 120
HEALED_US = 2000 * SECOND_US
"""Longer than any back-off and any queue takes to drain."""


def struck(name: str, seconds: int = 120) -> tuple[World, object]:
    world = World(standing())
    target = choose_target(world, find(name))
    inject.schedule(world, SECOND_US, name, target)
    world.run_for(seconds * SECOND_US)
    return world, target


@pytest.mark.parametrize("name", sorted(everything()))
def test_off_on_and_off_again(name: str) -> None:
    """Not there before; evident within its time; gone with all its effects some time after; never where it is not."""
    fault = find(name)
    world, target = next((world, targets[0]) for make in WORLDS if (targets := fault.targets(world := make())))
    calm, before = world.fork(), steady(world)
    inject.schedule(world, 0, name, target)
    seen = [(fault.evident(now, target), measure(now).scalar) for now in every(world, 5, SHOWS_WITHIN_S)]
    assert seen[0] == (False, 0)
    assert any(evident for evident, _ in seen)
    assert name not in FAULTS or any(severity for _, severity in seen)
    world.schedule(0, "fault.heal", name, target)
    world.run_for(HEALED_US)
    assert not fault.evident(world, target)
    assert (steady(world), measure(world)) == (before, measure(calm))
    assert len(world.faults.active) == 0
    assert configuration_difference(calm, world) == ()
    assert not any(fault.evident(now, target) for now in every(calm, 15, SHOWS_WITHIN_S + 300))


def test_two_faults_do_not_write_to_one_object() -> None:
    """The second would take the damage of the first for what it has to put back."""
    world = World(standing())
    calm, first = world.fork(), find("scale-to-zero")
    target = choose_target(world, first)
    inject.schedule(world, 0, "scale-to-zero", target)
    inject.schedule(world, SECOND_US, "image-pull-bad-tag", target)
    world.run_for(2 * SECOND_US)
    assert [*world.faults.active] == [("scale-to-zero", target)]
    world.schedule(0, "fault.heal", "scale-to-zero", target)
    world.run_for(SECOND_US)
    assert configuration_difference(calm, world) == ()


@pytest.mark.parametrize("name", ["env-var-wrong-value", "network-partition"])
def test_what_one_caller_suffers_is_not_evident_of_another(name: str) -> None:
    world, target = struck(name)
    fault = find(name)
    assert fault.evident(world, target)
    assert [key for key in fault.targets(World(standing())) if fault.evident(world, key)] == [target]


PASSING = frozenset({"cache-restarted-cold"})
"""Faults that pass by themselves, sooner or later."""


@pytest.mark.parametrize("name", sorted(everything()))
def test_without_the_off_switch_it_stays(name: str) -> None:
    """What ends a fault in the test above is its off switch and not the time that goes by."""
    fault = find(name)
    world, target = next((world, targets[0]) for make in WORLDS if (targets := fault.targets(world := make())))
    inject.schedule(world, 0, name, target)
    world.run_for(HEALED_US)
    stays = any(fault.evident(now, target) for now in every(world, 5, SHOWS_WITHIN_S))
    assert stays is (name not in PASSING)
    assert [*world.faults.active] == [(name, target)]


@pytest.mark.parametrize("name", sorted(everything()))
def test_a_target_that_somebody_deletes_meanwhile_is_no_obstacle(name: str) -> None:
    """The off switch puts back what the fault wrote to, and nothing else."""
    fault = find(name)
    world, target = next((world, targets[0]) for make in WORLDS if (targets := fault.targets(world := make())))
    wrote = target in dict(fault.writes(world, target))
    inject.schedule(world, 0, name, target)
    world.run_for(60 * SECOND_US)
    api.delete(world, target, "user")
    world.run_for(60 * SECOND_US)
    fault.evident(world, target)
    world.schedule(0, "fault.heal", name, target)
    world.run_for(60 * SECOND_US)
    assert (world.store.get(target) is not None) == wrote
    assert wrote or not fault.evident(world, target)
    assert not world.faults.active


def every(world: World, step_s: int, for_s: int) -> Iterator[World]:
    """The world now and every so many seconds for some time."""
    yield world
    for _ in range(0, for_s, step_s):
        world.run_for(step_s * SECOND_US)
        yield world


def test_a_fault_that_is_on_or_finds_another_at_its_object_strikes_nobody() -> None:
    """What the first one found is what has to come back."""
    world = World(standing())
    target = choose_target(world, find("scale-to-zero"))
    for name in ("scale-to-zero", "image-pull-bad-tag", "scale-to-zero"):
        inject.schedule(world, 0, name, target)
        world.run_for(SECOND_US)
    assert [*world.faults.active] == [("scale-to-zero", target)]
    world.schedule(0, "fault.heal", "scale-to-zero", target)
    world.run_for(HEALED_US)
    assert configuration_difference(World(standing()), world) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_fork_meets_the_same_fault(name: str) -> None:
    world = World(standing())
    inject.schedule(world, 5 * SECOND_US, name, choose_target(world, find(name)))
    fork = world.fork()
    for one in (world, fork):
        one.run_for(100 * SECOND_US)
    assert world.store.state.objects == fork.store.state.objects
    assert world.cluster.events == fork.cluster.events
    assert measure(world) == measure(fork)


def test_healing_what_is_not_on_changes_nothing() -> None:
    world = World(standing())
    target = choose_target(world, find("scale-to-zero"))
    world.schedule(0, "fault.heal", "scale-to-zero", target)
    world.run_for(SECOND_US)
    assert world.store.state.objects == World(standing()).store.state.objects


def test_the_names_are_those_of_the_problem_catalogue() -> None:
    path = SHARED / "problems.yaml"
    if not path.exists():
        pytest.skip("the shared problem catalogue is not beside this checkout")
    known = set(re.findall(r"^  fault: (\S+)$", path.read_text(), re.M))
    assert set(NAMES) <= known


def test_an_unknown_fault_or_target_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'scale-to-zero'"):
        find("scale-to-zer")
    world = World(standing())
    with pytest.raises(UserError, match="did you mean 'frontend'"):
        choose_target(world, find("scale-to-zero"), "fronted")
