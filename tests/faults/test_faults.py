"""Each fault has an effect that shows, an off switch that works, and strikes a world and its fork alike."""

from __future__ import annotations

import re

import pytest

from stratus_sim.errors import UserError
from stratus_sim.faults import FAULTS, choose_target, find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.severity import measure
from stratus_sim.testing.judge import configuration_difference
from stratus_sim.world import World
from tests.conftest import SHARED, standing

NAMES = sorted(FAULTS)
SETTLED_US = 420 * SECOND_US


def struck(name: str, seconds: int = 120) -> tuple[World, object]:
    world = World(standing())
    target = choose_target(world, find(name))
    inject.schedule(world, SECOND_US, name, target)
    world.run_for(seconds * SECOND_US)
    return world, target


@pytest.mark.parametrize("name", NAMES)
def test_it_hurts_and_the_mechanism_shows(name: str) -> None:
    calm = World(standing())
    assert not find(name).evident(calm, choose_target(calm, find(name)))
    world, target = struck(name)
    assert find(name).evident(world, target)
    assert measure(world).scalar > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_off_switch_restores_configuration_and_health(name: str) -> None:
    world, target = struck(name)
    world.schedule(0, "fault.heal", name, target)
    world.run_for(SETTLED_US)
    assert not find(name).evident(world, target)
    assert measure(world).scalar == 0
    assert configuration_difference(World(standing()), world) == ()
    assert len(world.faults.active) == 0


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
