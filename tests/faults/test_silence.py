"""What servers remember no agent reads: which fault struck is looked for in `tests/telemetry/test_leaks`."""

from __future__ import annotations

import json

from stratus_sim.application.behaviours.images import software
from stratus_sim.faults import find
from stratus_sim.telemetry.observation import observe
from tests.faults.cases import WORLDS
from tests.telemetry.test_observation import surfaces


def test_what_servers_remember_cannot_be_read() -> None:
    """Passwords of accounts stand in no surface: a Secret hides them, a server says nothing of them."""
    world = WORLDS[0]()
    text = json.dumps(surfaces(observe(world)))
    assert "only-for-the-simulation" not in text
    template = world.store.state.objects[find("mongodb-user-missing").targets(world)[0]].manifest["spec"]["template"]
    assert software(template, "mongodb-user").role == "database"
