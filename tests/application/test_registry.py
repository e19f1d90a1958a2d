"""Behaviours from outside: a registered plain function, found by profile or by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from stratus_sim.application import epochs
from stratus_sim.application.answers import manner_of
from stratus_sim.application.behaviours.cache import cache
from stratus_sim.application.behaviours.registry import (
    BEHAVIOURS,
    Behaviour,
    Offered,
    Served,
    behaviour,
    behaviour_of,
)
from stratus_sim.errors import UserError
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.topology import Profile, Topology
from stratus_sim.world import World
from tests.application.backends import act, behind, call, front, stand, users


@pytest.fixture
def mine() -> Iterator[dict[str, Behaviour]]:
    """The names registered in a test are free again afterwards."""
    before = dict(BEHAVIOURS)
    yield BEHAVIOURS
    BEHAVIOURS.clear()
    BEHAVIOURS.update(before)


def halves(world: World, offered: Offered, memory: Any) -> Served:
    """Every other request fails."""
    return Served(success=0.5, errors={"teapot": 0.5}, latency_us=7_000, memory=(memory or 0) + 1)


def licensed(image: str = "registry.example/licences:1", declared: str = "") -> World:
    topology = Topology(profiles={"licences": Profile(behaviour=declared)})
    return stand(*front({"LICENCES_ADDR": "licences:9000"}), *behind("licences", image, 9000), topology=topology)


def test_a_plain_function_decides_how_requests_fare(mine: dict[str, Behaviour]) -> None:
    behaviour("halves")(halves)
    world = licensed(declared="halves")
    flow = call(world, "api", "licences")
    assert (flow.success_permille, flow.error, users(world)) == (500, "teapot", 500)
    assert flow.latency_us >= 7_000


def test_it_is_handed_its_memory_once_an_epoch(mine: dict[str, Behaviour]) -> None:
    behaviour("halves")(halves)
    world = licensed(declared="halves")
    before = world.traffic.memory["default/licences"]
    epochs.touch(world)
    world.run_for(2 * SECOND_US)
    for _ in range(3):
        epochs.current(world)
    assert world.traffic.memory["default/licences"] == before + 1


def test_no_write_to_the_cluster_changes_what_was_declared(mine: dict[str, Behaviour]) -> None:
    """Else an agent could write away what is wrong with a server."""
    behaviour("halves")(halves)
    world = licensed(declared="halves")
    act(world, "set-image", "deployment/licences", {"image": "redis:7"})
    assert users(world) == 500


def test_the_profile_goes_before_the_image(mine: dict[str, Behaviour]) -> None:
    behaviour("halves")(halves)
    world = licensed("redis:7", declared="halves")
    workload = world.application.workloads["default/licences"]
    assert behaviour_of(world, workload) is halves
    assert behaviour_of(world, dataclasses.replace(workload, behaviour="")) is cache


def test_nobody_behaves_in_a_way_nobody_registered(mine: dict[str, Behaviour]) -> None:
    behaviour("halves")(halves)
    with pytest.raises(UserError, match="behaviour in the profile of default/licences, 'halvs': did you mean 'halves'"):
        licensed(declared="halvs")


def test_two_of_one_name(mine: dict[str, Behaviour]) -> None:
    behaviour("halves")(halves)
    with pytest.raises(ValueError, match="two behaviours are called 'halves'"):
        behaviour("halves")(lambda *_: Served())


def test_what_a_caller_sees() -> None:
    served = Served(success=0.8, errors={"busy": 0.15, "slow": 0.05}, refused={"a/b": {"no": 0.5, "never": 0.25}})
    assert manner_of(served).seen_by("other") == (800_000, "busy")
    assert manner_of(served).seen_by("a/b") == (250_000, "no")
    assert manner_of(Served()).seen_by("anybody") == (1_000_000, "")
