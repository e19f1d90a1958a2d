"""A runtime that lies is caught from outside: by forks of the world, whatever the runtime says of itself."""

from __future__ import annotations

import pytest

from stratus_agents.policies import load_policy
from stratus_sim.testing.check import search
from stratus_sim.testing.protected import Protected
from stratus_sim.testing.trial import Setup
from stratus_sim.transaction.manager import TransactionManager
from tests.conftest import stage
from tests.transaction.broken import BROKEN

EXAMPLES = 200


def setup_with(kind: type[TransactionManager], policy: str = "reckless") -> Setup:
    runtime = type("Runtime", (Protected,), {"manager_type": kind})
    return Setup(stage(), load_policy(policy), protect=runtime)


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_runtime_is_caught(kind: type[TransactionManager]) -> None:
    found = search(setup_with(kind), "protected", EXAMPLES, base_seed=0, shrink=False)
    assert found is not None, f"{kind.__name__} went unnoticed in {EXAMPLES} scenarios"
    print(f"{kind.__name__}: {found.scenario}: {found.problem}")


def test_the_real_runtime_is_not() -> None:
    assert search(setup_with(TransactionManager), "protected", 30, base_seed=0) is None


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["reckless", "random", "runbook"])
def test_the_real_runtime_is_not_in_many_scenarios(policy: str) -> None:
    assert search(setup_with(TransactionManager, policy), "protected", 1000, base_seed=1) is None
