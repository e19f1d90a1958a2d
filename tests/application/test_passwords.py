"""Whatever happens in whatever order, who gets in follows from what the Secret, the client and the server hold."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_sim.application.behaviours.console import run
from stratus_sim.cluster import pods
from stratus_sim.kernel import SECOND_US
from stratus_sim.snapshot import Snapshot
from stratus_sim.world import World
from tests.application.backends import act, crash, pod_of, users
from tests.application.test_database import accounts, store


@dataclass
class Model:
    """What each side knows, and whether the server's data outlives its pod."""

    kept: bool
    secret: str = "safe"
    client: str = "safe"
    server: str = "safe"


def change_secret(world: World, model: Model, word: str) -> None:
    act(world, "patch", "secret/login", {"patch": {"stringData": {"password": word}}}, wait_s=2)
    model.secret = word


def replace_client(world: World, model: Model, _: str) -> None:
    act(world, "rollout-restart", "deployment/api")
    model.client = model.secret


def crash_client(world: World, model: Model, _: str) -> None:
    """A container reads its environment each time it starts."""
    crash(world, "api")
    model.client = model.secret


def replace_server(world: World, model: Model, _: str) -> None:
    pods.terminate(world, pod_of(world, "db").key)
    model.server = model.server if model.kept else model.secret


def crash_server(world: World, model: Model, _: str) -> None:
    crash(world, "db")


def alter_user(world: World, model: Model, word: str) -> None:
    assert run(world, pod_of(world, "db").key, f"psql -c \"ALTER USER ann PASSWORD '{word}'\"").code == 0
    model.server = word


STEPS = (change_secret, replace_client, crash_client, replace_server, crash_server, alter_user)
_STANDING: dict[bool, Snapshot] = {}


def standing(*, kept: bool) -> World:
    if kept not in _STANDING:
        _STANDING[kept] = store(kept=kept).snapshot()
    return World(_STANDING[kept])


@pytest.mark.parametrize("kept", [True, False])
@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["safe", "new", "other"])), min_size=2, max_size=7)
)
def test_a_client_gets_in_if_it_knows_what_the_server_knows(kept: bool, steps: list[tuple[object, str]]) -> None:
    world, model = standing(kept=kept), Model(kept)
    for step, word in steps:
        assert callable(step)
        step(world, model, word)
        world.run_for(400 * SECOND_US)
        assert accounts(world) == {"ann": model.server}
        assert users(world) == (1000 if model.client == model.server else 0)
