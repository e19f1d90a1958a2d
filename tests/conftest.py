"""Shared pieces: the embedded application, loaded once, and small worlds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.world import Snapshot, World

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


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
