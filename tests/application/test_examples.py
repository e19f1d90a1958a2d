"""The examples in the documentation of pure functions are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from stratus_sim.application import throttling
from stratus_sim.application.dynamics import durations, load, policies, queueing, step


@pytest.mark.parametrize("module", [throttling, durations, load, policies, queueing, step])
def test_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
