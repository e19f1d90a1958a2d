"""Nothing an agent reads tells which fault of a MySQL server struck: no application searched elsewhere has one."""

from __future__ import annotations

import json
import re

import pytest

from stratus_sim.application.behaviours.images import software
from stratus_sim.faults import SERVER_FAULTS, find, inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.observation import observe
from tests.faults.cases import WORLDS
from tests.telemetry.test_observation import TELLING, surfaces

MECHANISMS = ("poison", "unindexed", "stale", "corrupt", "contended", "behaviour", "scripted", "strangers", "revoked")


@pytest.mark.parametrize("name", [name for name in sorted(SERVER_FAULTS) if name.startswith("mysql")])
def test_nothing_seen_tells_which_fault_struck(name: str) -> None:
    fault = find(name)
    world, target = next((world, targets[0]) for make in WORLDS if (targets := fault.targets(world := make())))
    telling = re.compile("|".join([TELLING.pattern, *map(re.escape, (*SERVER_FAULTS, *MECHANISMS))]), re.IGNORECASE)
    inject.schedule(world, 0, name, target)
    world.run_for(45 * SECOND_US)
    assert telling.findall(json.dumps(surfaces(observe(world)))) == []
    assert world.kernel.log is not None
    assert telling.search(str(world.kernel.log.event)), "the world itself knows; the search would have found it"


def test_what_servers_remember_cannot_be_read() -> None:
    """Passwords of accounts stand in no surface: a Secret hides them, a server says nothing of them."""
    world = WORLDS[0]()
    text = json.dumps(surfaces(observe(world)))
    assert "only-for-the-simulation" not in text
    template = world.store.state.objects[find("mongodb-user-missing").targets(world)[0]].manifest["spec"]["template"]
    assert software(template, "mongodb-user").role == "database"
