"""Shared pieces: the embedded application, loaded once, and small worlds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.snapshot import Snapshot
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.transaction.driver import validate_trace
from stratus_sim.transaction.manager import TransactionManager
from stratus_sim.world import World

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def every_trace_is_validated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever ran a transaction manager of ours in a test ends as a behaviour of the specification."""
    managers: list[TransactionManager] = []
    begin = TransactionManager.__init__

    def remembered(manager: TransactionManager, *args: Any, **options: Any) -> None:
        begin(manager, *args, **options)
        if type(manager) is TransactionManager:
            managers.append(manager)

    monkeypatch.setattr(TransactionManager, "__init__", remembered)
    yield
    for manager in managers:
        validate_trace(manager.trace)


@cache
def stage() -> Stage:
    return Stage(Source())


@cache
def standing(seed: int = 1) -> Snapshot:
    """The embedded application at rest."""
    return stage().standing(seed).snapshot()


@pytest.fixture
def hotel() -> World:
    return World(standing())


@pytest.fixture
def small(tmp_path: Path):
    """A function that deploys the YAML text it is given, on its own nodes."""

    def make(text: str, seed: int = 1) -> World:
        path = tmp_path / "app.yaml"
        path.write_text(text)
        manifests = load(path)
        return deploy(manifests, describe(manifests), seed)

    return make


@pytest.fixture
def shared_manifests() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared manifests are not beside this checkout")
    return SHARED / "manifests"
