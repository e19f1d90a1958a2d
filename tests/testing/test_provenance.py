"""A recording says what code and what manifests it came from, and is not played again on others."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from stratus_sim.cli.episodes import load_recorded, setup
from stratus_sim.errors import UserError
from stratus_sim.testing import provenance
from stratus_sim.testing.record import header_for, replay, save
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import run_trial
from tests.cli.test_errors import DEPLOYMENT


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which this code would lie; `provenance` looks there."""
    (tmp_path / "policy.py").write_text("ours = 1\n")
    monkeypatch.setattr(provenance, "_HERE", tmp_path / "provenance.py")
    git(tmp_path, "init", "--quiet")
    return tmp_path


def built() -> provenance.Build:
    return provenance.build.__wrapped__()


def test_a_clean_checkout_is_its_commit_and_a_changed_one_is_dirty(checkout: Path) -> None:
    git(checkout, "add", "policy.py")
    git(checkout, "commit", "--quiet", "--message", "first")
    commit = git(checkout, "rev-parse", "HEAD")
    assert (built().commit, built().dirty) == (commit, False)
    assert built().python == platform.python_version()
    (checkout / "stray.txt").write_text("nobody asked")
    assert not built().dirty, "what is not under version control is no change of the code"
    (checkout / "policy.py").write_text("ours = 2\n")
    assert (built().commit, built().dirty) == (commit, True)


def test_somebody_elses_checkout_is_not_ours(checkout: Path) -> None:
    assert (built().commit, built().dirty) == ("", False)


def test_a_recording_is_not_replayed_on_other_manifests(tmp_path: Path) -> None:
    manifests, recording = tmp_path / "app.yaml", tmp_path / "run.jsonl"
    manifests.write_text(DEPLOYMENT)
    made = setup(Stage(Source(manifests=str(manifests))), "runbook")
    outcome = run_trial(made, Scenario(fault="scale-to-zero", target="Deployment/web"), "protected", watch=True)
    save(recording, header_for(made, "runbook", outcome), outcome)
    assert replay(recording, load_recorded)[1].episode.events == outcome.episode.events
    manifests.write_text(DEPLOYMENT.replace("web:1", "web:2"))
    with pytest.raises(UserError, match="the manifests have changed since"):
        replay(recording, load_recorded)
