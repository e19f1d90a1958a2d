"""The main job runs on real applications' manifests as their authors wrote them, defects included."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from stratus_agents.policies import load_policy
from stratus_sim.testing.check import check
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Setup

COMPLETE = ("online-boutique", "otel-demo", "hotel-reservation", "social-network")
DEFECTS = {
    "bank-of-anthos": {'secret "jwt-key" not found': 14},
    "k8s-examples-wordpress": {'secret "mysql-pass" not found': 2},
}


@cache
def real(folder: Path) -> Stage:
    return Stage(Source("", str(folder)))


def waiting(stage: Stage) -> list[str]:
    pods = stage.standing(1).store.list("Pod")
    assert pods
    return [pod.status.message for pod in pods if not pod.status.ready]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_missing_secret_keeps_just_its_users_from_starting(shared_manifests: Path, name: str) -> None:
    """Two autoscalers of Bank of Anthos ask for five pods each."""
    found = waiting(real(shared_manifests / name))
    assert len(found) == sum(DEFECTS[name].values())
    for message, count in DEFECTS[name].items():
        assert sum(message in text for text in found) == count
        assert any(message in remark for remark in real(shared_manifests / name).remarks())


def test_a_missing_service_account_keeps_its_jobs_from_making_pods(shared_manifests: Path) -> None:
    refused = [remark for remark in real(shared_manifests / "bank-of-anthos").remarks() if "FailedCreate" in remark]
    assert len(refused) == 2
    assert all(r.startswith("Job/") and 'serviceaccount "boa-ksa" not found' in r for r in refused)


@pytest.mark.parametrize("name", [*COMPLETE, *DEFECTS])
def test_both_verdicts_on_a_safe_policy_hold(shared_manifests: Path, name: str) -> None:
    setup = Setup(real(shared_manifests / name), load_policy("runbook"))
    for mode in ("own", "protected"):
        assert check(setup, mode, 4, 0).holds


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["runbook", "random", "reckless"])
@pytest.mark.parametrize("name", [*COMPLETE, *DEFECTS])
def test_the_runtime_protects_whatever_the_policy(shared_manifests: Path, name: str, policy: str) -> None:
    setup = Setup(real(shared_manifests / name), load_policy(policy))
    assert check(setup, "protected", 60, 2).holds


@pytest.mark.slow
@pytest.mark.parametrize("name", [*COMPLETE, *DEFECTS])
def test_the_runbook_is_safe_on_its_own(shared_manifests: Path, name: str) -> None:
    assert check(Setup(real(shared_manifests / name), load_policy("runbook")), "own", 100, 3).holds
