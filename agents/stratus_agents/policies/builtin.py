"""The policies that ship, by the names the command line uses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from stratus_agents.policies.noise import Random
from stratus_agents.policies.reckless import Reckless
from stratus_agents.policies.runbook import Runbook
from stratus_agents.policies.simple import DoNothing
from stratus_sim.testing.policy import PolicyFactory


class BuiltIn(NamedTuple):
    """How a policy is made, and what it does in one line."""

    factory: PolicyFactory
    summary: str


POLICIES: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "do-nothing": BuiltIn(lambda _seed: DoNothing(), "looks and changes nothing: the baseline"),
        "runbook": BuiltIn(lambda _seed: Runbook(), "a table of symptoms and repairs, one hypothesis per attempt"),
        "random": BuiltIn(Random, "random writes that look valid, over every verb"),
        "reckless": BuiltIn(lambda _seed: Reckless(), "restarts, scales down and deletes on suspicion"),
    }
)
